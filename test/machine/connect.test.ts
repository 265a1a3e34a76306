/** CONNECT and peers that are looked for, in the machine alone. */
import { expect } from 'chai';
import { Fault } from '../../src/error.js';
import type { Exchange } from '../../src/machine/exchange.js';
import type { ForwardPlan, Peer, PeerSource, Plan } from '../../src/machine/policy.js';
import { FixedPeers, forwardPlan, peer, respondPlan, TestPolicy } from './policies.js';
import { Player, type Record, type Step } from './replay.js';

const CONNECT = 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\n\r\n';
const TO = 'connect 127.0.0.1:3000';
const NEXT = 'connect 127.0.0.1:3001';

class ConnectPolicy extends TestPolicy {
  readonly connects = true;
}

function tunnelPlan(...peers: Peer[]): ForwardPlan {
  const to = peers.length === 0 ? [peer(3000)] : peers;
  return forwardPlan(new FixedPeers(...to), {
    opensTunnel: true,
    readTimeoutMs: 1000,
    connectTimeoutMs: 500,
  });
}

interface Case {
  name: string;
  plan?: () => Plan;
  manual?: boolean;
  steps: Step[];
  downstream: string | RegExp;
  upstream?: string[];
  events: string[];
  finished: string;
  faults?: string[];
}

const CASES: Case[] = [
  {
    name: 'opens a tunnel with the 200, what came early first',
    steps: [
      { down: `${CONNECT}early` },
      { up: 'hello' },
      { down: ' late' },
      'down end',
      { up: 'bye' },
      'up end',
    ],
    downstream: `${OK}hellobye`,
    upstream: ['early late'],
    events: [TO, 'end upstream', 'close upstream', 'close downstream'],
    finished: '200 tunnel-closed',
  },
  {
    name: 'waits for its connection, and reads no more than once meanwhile',
    manual: true,
    steps: [{ down: CONNECT }, { down: 'first' }, 'down end', 'connected', { up: 'x' }, 'up end'],
    downstream: `${OK}x`,
    upstream: ['first'],
    events: [TO, 'end upstream', 'close upstream', 'close downstream'],
    finished: '200 tunnel-closed',
  },
  {
    name: 'an upstream side that ends first is passed on',
    steps: [{ down: CONNECT }, { up: 'x' }, 'up end', { down: 'y' }, 'down end'],
    downstream: `${OK}x`,
    upstream: ['y'],
    events: [TO, 'end downstream', 'close upstream', 'close downstream'],
    finished: '200 tunnel-closed',
  },
  {
    name: 'goes on to the next peer until one is there',
    plan: () => tunnelPlan(peer(3000), peer(3001)),
    manual: true,
    steps: [{ down: CONNECT }, 'refused', 'connected', { up: 'x' }, 'up end', 'down end'],
    downstream: `${OK}x`,
    upstream: ['', ''],
    events: [TO, 'abort upstream', NEXT, 'end downstream', 'close upstream', 'close downstream'],
    finished: '200 tunnel-closed',
    faults: ['UPSTREAM_CONNECT upstream'],
  },
  {
    name: 'no peer is there: the connection ends with the answer',
    manual: true,
    steps: [{ down: CONNECT }, 'refused', { down: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' }],
    downstream: /^HTTP\/1\.1 502 Bad Gateway\r\n[^]*Connection: close\r\n[^]*<\/html>\r\n$/,
    upstream: [''],
    events: [TO, 'abort upstream', 'close downstream'],
    finished: '502 upstream-failed',
    faults: ['UPSTREAM_CONNECT upstream'],
  },
  {
    name: 'nobody takes the connection in time',
    manual: true,
    steps: [{ down: CONNECT }, { wait: 500 }],
    downstream: /^HTTP\/1\.1 504 Gateway Time-out\r\n/,
    upstream: [''],
    events: [TO, 'abort upstream', 'close downstream'],
    finished: '504 upstream-failed',
    faults: ['UPSTREAM_CONNECT_TIMEOUT upstream'],
  },
  {
    name: 'a silent tunnel is closed',
    steps: [{ down: CONNECT }, { wait: 900 }, { up: 'x' }, { wait: 900 }, { wait: 100 }],
    downstream: `${OK}x`,
    upstream: [''],
    events: [TO, 'close upstream', 'close downstream'],
    finished: '200 tunnel-closed',
    faults: ['TUNNEL_IDLE upstream'],
  },
  {
    name: 'a drain that ends tunnels tells this one nothing',
    steps: [{ down: CONNECT }, { leave: 0 }, { up: 'x' }, 'up end', 'down end'],
    downstream: `${OK}x`,
    upstream: [''],
    events: [TO, 'end downstream', 'close upstream', 'close downstream'],
    finished: '200 tunnel-closed',
  },
  {
    name: 'content is refused, with a length',
    steps: [{ down: 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx' }],
    downstream: /^HTTP\/1\.1 400 Bad Request\r\n/,
    events: ['end downstream'],
    finished: '400 refused',
    faults: ['CONNECT_CONTENT downstream'],
  },
  {
    name: 'is no request for an origin',
    plan: () => forwardPlan(new FixedPeers(peer(3000))),
    steps: [{ down: CONNECT }],
    downstream: /^HTTP\/1\.1 405 Not Allowed\r\n/,
    events: ['end downstream'],
    finished: '405 refused',
    faults: ['CONNECT_REFUSED downstream'],
  },
  {
    name: 'an answer of the policy ends the connection, and nothing behind it is read',
    plan: () => respondPlan(403, 'no'),
    steps: [{ down: `${CONNECT}GET / HTTP/1.1\r\nHost: a\r\n\r\n` }],
    downstream: /^HTTP\/1\.1 403 Forbidden\r\n[^]*Connection: close\r\n\r\nno$/,
    events: ['close downstream'],
    finished: '403 complete',
  },
];

describe('CONNECT in the machine', () => {
  for (const { name, plan, manual, steps, ...wanted } of CASES) {
    for (const [how, split] of [
      ['whole', (octets: Buffer) => [octets]],
      [
        'octet by octet',
        (octets: Buffer) => Array.from(octets, (_, i) => Buffer.from(octets.subarray(i, i + 1))),
      ],
    ] as const) {
      it(`${name} (${how})`, () => {
        const policy = new ConnectPolicy(() => plan?.() ?? tunnelPlan());
        const record: Record = new Player(policy, { autoConnect: manual !== true, split }).play(steps);
        if (typeof wanted.downstream === 'string') expect(record.downstream).to.equal(wanted.downstream);
        else expect(record.downstream).to.match(wanted.downstream);
        expect(record.upstream).to.deep.equal(wanted.upstream ?? []);
        expect(record.events).to.deep.equal(wanted.events);
        expect(policy.finishedExchanges).to.deep.equal([wanted.finished]);
        expect(policy.faults).to.deep.equal(wanted.faults ?? []);
      });
    }
  }
});

describe('peers that are looked for', () => {
  const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

  /** Peers that are there once somebody has said so. */
  class Sought implements PeerSource {
    peers: Peer[] | null = null;
    readonly promise = new Promise<Fault | null>(() => undefined);
    searches = 0;
    next(): Peer | undefined {
      return this.peers?.shift();
    }
    find(): Promise<Fault | null> | null {
      this.searches++;
      return this.peers === null ? this.promise : null;
    }
    release(): void {}
  }

  function begin(options: Partial<ForwardPlan> = {}): { sought: Sought; policy: TestPolicy; player: Player } {
    const sought = new Sought();
    const policy = new TestPolicy((_exchange: Exchange) =>
      forwardPlan(sought, { connectTimeoutMs: 100, ...options }),
    );
    const player = new Player(policy, { autoConnect: false });
    player.step({ down: GET });
    return { sought, policy, player };
  }

  function found(player: Player, { promise }: Sought, fault: Fault | null): void {
    player.machine.found(promise, fault, player.now);
    // Carries the effects out.
    player.step({ wait: 0 });
  }

  it('are asked for as soon as they are known; proxy_connect_timeout begins then', () => {
    const { sought, policy, player } = begin();
    player.step({ wait: 5000 });
    expect(player.record.events).to.deep.equal(['find']);
    sought.peers = [peer(3000), peer(3001)];
    found(player, sought, null);
    player.step('refused');
    expect(player.record.events).to.deep.equal(['find', TO, 'abort upstream', NEXT]);
    player.step({ wait: 100 });
    expect(policy.faults).to.deep.equal(['UPSTREAM_CONNECT upstream', 'UPSTREAM_CONNECT_TIMEOUT upstream']);
    expect(policy.finishedExchanges).to.deep.equal(['504 upstream-failed']);
    expect(sought.searches).to.equal(1);
  });

  for (const [name, fault, status] of [
    ['nobody knows them', new Fault('NAME_UNRESOLVED', 'upstream', -1, 'a'), '502'],
    ['they are refused', new Fault('DESTINATION_REFUSED', 'downstream', -1, 'a:1'), '403'],
    ['there are none', null, '502'],
  ] as const) {
    it(`${status} where ${name}`, () => {
      const { sought, policy, player } = begin();
      if (fault === null) sought.peers = [];
      found(player, sought, fault);
      expect(player.record.downstream).to.match(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(policy.faults).to.deep.equal([`${fault?.code ?? 'NO_PEER'} ${fault?.side ?? 'upstream'}`]);
      // The connection goes on.
      player.step({ down: GET });
      expect(sought.searches).to.equal(2);
    });
  }

  it('found too late they are nobody’s: the client has left, or another search is under way', () => {
    const { sought, policy, player } = begin();
    player.step('down reset');
    sought.peers = [peer(3000)];
    found(player, sought, null);
    expect(player.record.events).to.deep.equal(['find', 'abort downstream']);
    expect(policy.finishedExchanges).to.deep.equal(['499 downstream-closed']);
    expect(policy.faults).to.deep.equal(['DOWNSTREAM_CLOSED downstream']);
  });
});
