/**
 * `keepalive_disable`: browsers that are told by their User-Agent, as nginx tells them.
 */
import type { Exchange } from '../machine/exchange.js';
import { FIELD_NAMES } from '../message/field-names.js';

const USER_AGENT = FIELD_NAMES.intern('user-agent');

/** `msie6`: POST requests of Internet Explorer 4 to 6, without the second service pack. `safari`: Safari of macOS. */
export type Browser = 'msie6' | 'safari';

/** Whether the connection of a request is to be closed. @param method of the request */
export function isOneOf(browsers: ReadonlySet<Browser>, { request }: Exchange, method: string): boolean {
  const agent = request.joinedText(USER_AGENT);
  const isOpera = agent.includes('Opera');
  const explorer = /MSIE ([456])\.(.*)/.exec(agent);
  if (explorer !== null && !isOpera) {
    const isOld = explorer[1] !== '6' || !explorer[2].includes('SV1');
    return browsers.has('msie6') && isOld && method === 'POST';
  }
  const isSafari = /Safari\//.test(agent) && /Mac OS X/.test(agent) && !/MSIE |Gecko\/|Chrome\//.test(agent);
  return browsers.has('safari') && isSafari && !isOpera;
}
