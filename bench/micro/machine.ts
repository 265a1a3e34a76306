/**
 * A whole exchange and a whole tunnel message through the machine in memory: everything that wirehop does for them but
 * the sockets.
 */
import { DOWNSTREAM, UPSTREAM } from '../../src/machine/effects.js';
import { BROWSER_REQUEST, CONTENT, PLAIN_RESPONSE, SWITCH_RESPONSE, UPGRADE_REQUEST } from '../fixtures.js';
import { check, checkSame, type Case, type Skipped, type Suite } from '../suite.js';
import { MemoryPump } from './memory-pump.js';
import { compiledPolicy, policyByHand } from './policies.js';

const RESPONSE = Buffer.concat([PLAIN_RESPONSE.octets, CONTENT]);
const MESSAGE_SIZES = [64, 16384] as const;

/** Without the value of Date: the second may have turned. */
function undated(head: string): string {
  return head.replace(/(\r\nDate: ).*/, '$1');
}

/** GET on a persistent connection, the upstream connection out of the pool, 12 octets of content. */
function exchangeCase(pump: MemoryPump, subject: string): Case {
  const group = 'HTTP exchange, 14 fields, 12 B';
  const run = (): void => {
    pump.receive(DOWNSTREAM, BROWSER_REQUEST.octets);
    pump.receive(UPSTREAM, RESPONSE);
  };
  const [down, up] = pump.keep(run);
  check(`${group}, ${subject}: request line`, up.startsWith('GET /news/index.html HTTP/1.1\r\nHost: '));
  check(`${group}, ${subject}: untouched lines`, up.includes('\r\nAccept-Encoding: gzip, deflate, br\r\n'));
  check(`${group}, ${subject}: nothing hop-by-hop`, !up.includes('keep-alive'));
  check(`${group}, ${subject}: status line`, down.startsWith('HTTP/1.1 200 OK\r\n'));
  check(`${group}, ${subject}: content`, down.endsWith(`\r\n\r\n${CONTENT.toString('latin1')}`));
  checkSame(`${group}, ${subject}: one write per head`, pump.writes, [1, 1]);
  checkSame(
    `${group}, ${subject}: the second exchange`,
    pump.keep(run).map(undated),
    [down, up].map(undated),
  );
  return { group, subject, run };
}

/** One message downstream to upstream in an open tunnel. */
function tunnelCase(pump: MemoryPump, subject: string, octets: number): Case {
  const group = `tunnel message, ${octets} B`;
  const message = Buffer.alloc(octets, 'a message ');
  const [down] = pump.keep(() => {
    pump.receive(DOWNSTREAM, UPGRADE_REQUEST);
    pump.receive(UPSTREAM, SWITCH_RESPONSE);
  });
  check(`${group}, ${subject}: protocols are switched`, down.startsWith('HTTP/1.1 101 '));
  const run = (): void => pump.receive(DOWNSTREAM, message);
  checkSame(`${group}, ${subject}: passes on`, pump.keep(run), ['', message.toString('latin1')]);
  return { group, subject, run };
}

export const MACHINE_SUITE: Suite = {
  name: 'machine',
  about: 'a whole exchange and a whole tunnel message in memory, by a policy by hand and by a configuration',
  async cases(): Promise<{ cases: Case[]; skipped: Skipped[] }> {
    const compiled = await compiledPolicy();
    const cases = [
      exchangeCase(new MemoryPump(policyByHand()), 'policy by hand'),
      exchangeCase(new MemoryPump(compiled), 'configuration'),
    ];
    for (const octets of MESSAGE_SIZES) {
      cases.push(tunnelCase(new MemoryPump(policyByHand()), 'policy by hand', octets));
    }
    return { cases, skipped: [] };
  },
};
