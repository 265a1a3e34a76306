/**
 * `syslog:server=address[,parameter=value]` of `error_log` and `access_log`. Decides its grammar
 * (https://nginx.org/en/docs/syslog.html).
 */
import { parseAddress } from '../address.js';
import type { SyslogLine } from '../blocks.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import { unsupported } from '../values.js';

/** By number (RFC 3164 4.1.1). */
const FACILITIES = `kern user mail daemon auth intern lpr news uucp clock authpriv ftp ntp audit alert cron
local0 local1 local2 local3 local4 local5 local6 local7`.split(/\s+/);
/** By number, in nginx's words. */
const SEVERITIES = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'];
const LONGEST_TAG = 32;

/** Reads the word, `syslog:` included. */
export function readSyslog(word: Word, directive: Directive): SyslogLine {
  let server: SyslogLine['address'] | null = null;
  let facility = 'local7';
  let severity = 'info';
  let tag = 'nginx';
  let hasHostName = true;
  for (const text of word.text.slice('syslog:'.length).split(',')) {
    const [, name, value] = /^(\w*)=?(.*)$/s.exec(text)!;
    if (name === 'server') server = readServer(word, directive, value);
    else if (name === 'facility' && FACILITIES.includes(value)) facility = value;
    else if (name === 'severity' && SEVERITIES.includes(value)) severity = value;
    else if (name === 'tag' && isTag(value)) tag = value;
    else if (text === 'nohostname') hasHostName = false;
    else if (name === 'facility' || name === 'severity')
      throw faultAt(word, `unknown syslog ${name} "${value}"`);
    else if (name === 'tag')
      throw faultAt(word, 'syslog "tag" only allows alphanumeric characters and underscore');
    else throw faultAt(word, `unknown syslog parameter "${text}"`);
  }
  if (server === null) throw faultAt(word, 'no syslog server specified', 'syslog:server=192.0.2.1');
  return {
    kind: 'syslog',
    address: server,
    facility: FACILITIES.indexOf(facility),
    severity: SEVERITIES.indexOf(severity),
    tag,
    hasHostName,
  };
}

function isTag(value: string): boolean {
  return value.length > 0 && value.length <= LONGEST_TAG && /^\w+$/.test(value);
}

function readServer(word: Word, directive: Directive, text: string): SyslogLine['address'] {
  const address = parseAddress(text, 'upstream');
  if (typeof address === 'string') throw faultAt(word, `${address} in syslog server "${text}"`);
  if (address.kind === 'host') return address;
  const hint = 'Node.js cannot send to unix datagram sockets: name an address, syslog:server=127.0.0.1';
  throw unsupported(word, directive, hint);
}
