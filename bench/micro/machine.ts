/**
 * A whole exchange and a whole tunnel message through the machine in memory: everything that wirehop does for them but
 * the sockets.
 */
import { OctetWriter } from '../../src/bytes/octet-writer.js';
import { DOWNSTREAM, Effects, type SideIndex, UPSTREAM } from '../../src/machine/effects.js';
import type { Policy } from '../../src/machine/policy.js';
import {
  BROWSER_REQUEST,
  chunkedContent,
  CONTENT,
  PLAIN_RESPONSE,
  REQUESTS,
  RESPONSES,
  SWITCH_RESPONSE,
  UPGRADE_REQUEST,
} from '../fixtures.js';
import { check, checkSame, type Case, type Skipped, type Suite } from '../suite.js';
import { MemoryPump } from './memory-pump.js';
import { compiledPolicy, policyByHand } from './policies.js';

const RESPONSE = Buffer.concat([PLAIN_RESPONSE.octets, CONTENT]);
const MESSAGE_SIZES = [64, 4096, 16384] as const;

/** Without the value of Date: the second may have turned. */
function undated(head: string): string {
  return head.replace(/(\r\nDate: ).*/, '$1');
}

/** What downstream asks and upstream answers, and how the answer ends. */
interface ExchangeWork {
  readonly name: string;
  readonly request: Buffer;
  readonly response: Buffer;
  readonly end: string;
}

const EXCHANGES: readonly ExchangeWork[] = [
  {
    name: 'HTTP exchange, 14 fields, 12 B',
    request: BROWSER_REQUEST.octets,
    response: RESPONSE,
    end: `\r\n\r\n${CONTENT.toString('latin1')}`,
  },
  {
    name: 'HTTP exchange, 40 fields, 12 B',
    request: REQUESTS.cookies.octets,
    response: Buffer.concat([RESPONSES.cookies.octets, CONTENT]),
    end: `\r\n\r\n${CONTENT.toString('latin1')}`,
  },
  {
    name: 'HTTP exchange, POST and answer in chunks, 1 KB each',
    request: Buffer.concat([
      Buffer.from('POST /form HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 1024\r\n\r\n', 'latin1'),
      Buffer.alloc(1024, 'x'),
    ]),
    response: Buffer.concat([
      Buffer.from(
        'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n',
        'latin1',
      ),
      chunkedContent(1024, 512),
    ]),
    end: '\r\n0\r\n\r\n',
  },
];

/** A request on a persistent connection, the upstream connection out of the pool. */
function exchangeCase({ name, request, response, end }: ExchangeWork, pump: MemoryPump, who: string): Case {
  const run = (): void => {
    pump.receive(DOWNSTREAM, request);
    pump.receive(UPSTREAM, response);
  };
  const [down, up] = pump.keep(run);
  const startLine = request.toString('latin1', 0, request.indexOf('\r\n'));
  check(`${name}, ${who}: request line`, up.startsWith(`${startLine}\r\nHost: `));
  check(`${name}, ${who}: nothing hop-by-hop`, !up.includes('keep-alive'));
  check(`${name}, ${who}: status line`, down.startsWith('HTTP/1.1 200 OK\r\n'));
  check(`${name}, ${who}: content`, down.endsWith(end));
  // Short content goes with its head.
  checkSame(`${name}, ${who}: one write per head`, pump.writes, [1, 1]);
  checkSame(`${name}, ${who}: the second exchange`, pump.keep(run).map(undated), [down, up].map(undated));
  return { group: name, subject: who, run };
}

/** A connection of its own: offer, switch of protocols, both ends. */
function handshakeCase(policy: Policy, who: string): Case {
  const group = 'WebSocket handshake, from accept to end';
  const [effects, out] = [new Effects(), new OctetWriter()];
  const run = (): MemoryPump => {
    const pump = new MemoryPump(policy, effects, out);
    pump.receive(DOWNSTREAM, UPGRADE_REQUEST);
    pump.receive(UPSTREAM, SWITCH_RESPONSE);
    pump.end(DOWNSTREAM);
    pump.end(UPSTREAM);
    return pump;
  };
  const { machine, writes } = run();
  check(`${group}, ${who}: it is over`, machine.isOver);
  checkSame(`${group}, ${who}: one write per head`, writes, [1, 1]);
  return { group, subject: who, run: () => void run() };
}

/** One message in an open tunnel. */
function tunnelCase(policy: Policy, from: SideIndex, octets: number): Case {
  const pump = new MemoryPump(policy);
  const group = `tunnel message, ${octets} B, ${from === DOWNSTREAM ? 'to' : 'from'} upstream`;
  const message = Buffer.alloc(octets, 'a message ');
  const [down] = pump.keep(() => {
    pump.receive(DOWNSTREAM, UPGRADE_REQUEST);
    pump.receive(UPSTREAM, SWITCH_RESPONSE);
  });
  check(`${group}: protocols are switched`, down.startsWith('HTTP/1.1 101 '));
  const run = (): void => pump.receive(from, message);
  const text = message.toString('latin1');
  checkSame(`${group}: passes on`, pump.keep(run), from === DOWNSTREAM ? ['', text] : [text, '']);
  return { group, subject: 'policy by hand', run };
}

export const MACHINE_SUITE: Suite = {
  name: 'machine',
  about:
    'whole exchanges, handshakes and tunnel messages in memory, by a policy by hand and by a configuration',
  async cases(): Promise<{ cases: Case[]; skipped: Skipped[] }> {
    const compiled = await compiledPolicy();
    const cases = EXCHANGES.flatMap((work) => [
      exchangeCase(work, new MemoryPump(policyByHand()), 'policy by hand'),
      exchangeCase(work, new MemoryPump(compiled), 'configuration'),
    ]);
    cases.push(handshakeCase(policyByHand(), 'policy by hand'), handshakeCase(compiled, 'configuration'));
    for (const octets of MESSAGE_SIZES) {
      for (const from of [DOWNSTREAM, UPSTREAM] as const)
        cases.push(tunnelCase(policyByHand(), from, octets));
    }
    return { cases, skipped: [] };
  },
};
