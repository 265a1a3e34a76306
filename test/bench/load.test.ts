/** Proves that the load program checks what it receives: every fault on the way back fails the turn, by name. */
import type { Server } from 'node:net';
import { expect } from 'chai';
import { Histogram } from '../../bench/load/histogram.js';
import { ExpectedResponse } from '../../bench/load/expected-response.js';
import { hasProc } from '../../bench/lab/accounting.js';
import { Lab } from '../../bench/lab/lab.js';
import type { LoadShape } from '../../bench/lab/messages.js';
import { noProxy } from '../../bench/peers/node-proxies.js';
import { CheckError } from '../../bench/suite.js';
import { PATHS } from '../../bench/traffic.js';
import { startFaultyProxy, type Fault } from './faulty-proxy.js';

const EFFORT = { warmUpMs: 20, measureMs: 150 };
const HTTP: LoadShape = { kind: 'request', connections: 4 };
const LARGE: LoadShape = { kind: 'request', connections: 2, path: PATHS.large };
const POST: LoadShape = { kind: 'request', connections: 2, path: PATHS.post };
const NEW: LoadShape = { kind: 'connection', connections: 2 };
const HANDSHAKE: LoadShape = { kind: 'handshake', connections: 2 };
const MESSAGE: LoadShape = { kind: 'message', connections: 2, messageOctets: 4096 };
const DOWNLOAD: LoadShape = { kind: 'download', connections: 1 };
const ECHO: LoadShape = { kind: 'echo', connections: 1 };
const IDLE: LoadShape = { kind: 'idle-tunnel', connections: 40, messageOctets: 64 };

/** Inverts one bit of the octet at this position of a connection. */
function flip(at: number): Fault {
  return (octets, position) => {
    if (at >= position && at < position + octets.length) octets[at - position] ^= 1;
    return octets;
  };
}

/** Takes one octet away. */
function drop(at: number): Fault {
  return (octets, position) => {
    const i = at - position;
    if (i < 0 || i >= octets.length) return octets;
    return Buffer.concat([octets.subarray(0, i), octets.subarray(i + 1)]);
  };
}

/** Sends everything twice from there on. */
function double(at: number): Fault {
  return (octets, position) => (position >= at ? Buffer.concat([octets, octets]) : octets);
}

function end(at: number): Fault {
  return (octets, position, down) => {
    if (position < at) return octets;
    down.end();
    return null;
  };
}

function replace(from: string, to: string): Fault {
  return (octets) => Buffer.from(octets.toString('latin1').replace(from, to), 'latin1');
}

const FAULTS: { name: string; shape: LoadShape; fault: Fault; says: RegExp }[] = [
  { name: 'a bit of a later head', shape: HTTP, fault: flip(1010), says: /octet \d+ is 0x.., must be 0x../ },
  {
    name: 'a bit of the first content',
    shape: HTTP,
    fault: replace('hello', 'hallo'),
    says: /content: octet \d+ is/,
  },
  { name: 'a bit of large content', shape: LARGE, fault: flip(250_000), says: /octet \d+ is 0x/ },
  { name: 'an octet that is lost', shape: LARGE, fault: drop(300_000), says: /octet \d+ is 0x/ },
  { name: 'a response sent twice', shape: HTTP, fault: double(1000), says: /that nobody asked for/ },
  { name: 'a connection ended early', shape: HTTP, fault: end(2000), says: /closed by the proxy/ },
  { name: 'another status', shape: HTTP, fault: replace('200 OK', '204 OK'), says: /not a good response/ },
  { name: 'another length', shape: HTTP, fault: replace('Length: 12', 'Length: 13'), says: /Content-Length/ },
  {
    name: 'a connection that ends before its response',
    shape: NEW,
    fault: end(0),
    says: /closed by the proxy/,
  },
  {
    name: 'a 101 without Upgrade',
    shape: HANDSHAKE,
    fault: replace('Upgrade: websocket', 'X-Up: websocket'),
    says: /not switched/,
  },
  { name: 'another Accept', shape: HANDSHAKE, fault: replace('s3pP', 's3pQ'), says: /not switched/ },
  { name: 'a bit of a message', shape: MESSAGE, fault: flip(20_000), says: /message \d+: octet \d+ is 0x/ },
  { name: 'a message sent twice', shape: MESSAGE, fault: double(9000), says: /never sent|must be/ },
  {
    name: 'an octet of a message that is lost',
    shape: MESSAGE,
    fault: drop(30_000),
    says: /not answered|octet/,
  },
  {
    name: 'a bit of a stream',
    shape: DOWNLOAD,
    fault: flip(5_000_000),
    says: /octets from \d+ on of the tunnel/,
  },
  {
    name: 'an octet of a stream that is lost',
    shape: DOWNLOAD,
    fault: drop(2_000_000),
    says: /of the tunnel/,
  },
  { name: 'a bit of an echo', shape: ECHO, fault: flip(3_000_000), says: /of the tunnel/ },
  { name: 'idle tunnels that are ended', shape: IDLE, fault: end(180), says: /closed by the proxy/ },
];

describe('bench: the load program', function () {
  this.timeout(30_000);
  let lab: Lab;
  let server: Server | undefined;

  before(async function () {
    if (!hasProc()) this.skip();
    lab = await Lab.open();
  });
  afterEach(() => server?.close());
  after(async () => lab?.close());

  function turn(shape: LoadShape, port: number): Promise<unknown> {
    return lab.turn(shape, { peer: noProxy(), port, pids: [] }, EFFORT);
  }

  for (const { name, shape, fault, says } of FAULTS) {
    it(`sees ${name}`, async () => {
      const proxy = await startFaultyProxy(lab.originPort, fault);
      server = proxy.server;
      let failure: unknown;
      await turn(shape, proxy.port).catch((error: unknown) => (failure = error));
      expect(failure).to.be.instanceOf(CheckError);
      expect((failure as Error).message).to.match(says);
    });
  }

  for (const shape of [HTTP, LARGE, POST, NEW, HANDSHAKE, MESSAGE, DOWNLOAD, ECHO, IDLE]) {
    it(`finds nothing wrong with a relay that does nothing wrong: ${shape.kind} ${shape.path ?? ''}`, async () => {
      const proxy = await startFaultyProxy(lab.originPort, (octets) => octets);
      server = proxy.server;
      const result = await lab.turn(shape, { peer: noProxy(), port: proxy.port, pids: [] }, EFFORT);
      expect(result.operations).to.be.greaterThan(3);
    });
  }

  it('keeps to a rate, and counts latency from when an operation was due', async () => {
    const effort = { warmUpMs: 50, measureMs: 500 };
    const shape: LoadShape = { kind: 'request', connections: 8, rate: 400 };
    const result = await lab.turn(shape, { peer: noProxy(), port: lab.originPort, pids: [] }, effort);
    expect(result.operations).to.be.within(160, 240);
  });

  it('says when nobody answers', async () => {
    const proxy = await startFaultyProxy(1, (octets) => octets);
    server = proxy.server;
    let failure: unknown;
    await turn(HTTP, proxy.port).catch((error: unknown) => (failure = error));
    expect((failure as Error).message).to.match(
      /^request through no proxy: connection \d+: (closed|ECONNRESET)/,
    );
  });
});

describe('bench: expected responses', () => {
  const content = Buffer.from('hello world\n');
  const response = (date: string, name = 'Date'): Buffer =>
    Buffer.from(`HTTP/1.1 200 OK\r\n${name}: ${date}\r\nContent-Length: 12\r\n\r\nhello world\n`);

  it('compare every octet but those of Date, in any pieces', () => {
    const first = response('Mon, 01 Jan 2024 00:00:00 GMT', 'date');
    const expected = ExpectedResponse.learn(first, content)!;
    const later = response('Tue, 02 Jan 2024 11:11:11 GMT', 'date');
    for (let cut = 0; cut <= later.length; cut++) {
      expected.check(later.subarray(0, cut), cut, 0);
      expected.check(later.subarray(cut), later.length - cut, cut);
    }
    const dateAt = first.indexOf('date');
    for (let i = 0; i < later.length; i++) {
      const wrong = Buffer.from(later);
      wrong[i] ^= 1;
      const isDate = i >= dateAt && i < dateAt + 'date: Mon, 01 Jan 2024 00:00:00 GMT'.length;
      const check = (): void => expected.check(wrong, wrong.length, 0);
      if (isDate) check();
      else expect(check, `octet ${i}`).to.throw(`octet ${i} is`);
    }
  });

  it('waits for the whole first one', () => {
    const whole = response('Mon, 01 Jan 2024 00:00:00 GMT');
    for (let cut = 0; cut < whole.length; cut++)
      expect(ExpectedResponse.learn(whole.subarray(0, cut), content)).to.equal(null);
  });
});

describe('bench: latencies', () => {
  it('are known to 1.6 %', () => {
    for (const us of [0.4, 3, 77, 1234, 98_765, 3_000_000]) {
      const histogram = new Histogram();
      histogram.add(us / 1000);
      expect(histogram.quantile(0.5)).to.be.closeTo(us, us * 0.016 + 0.05);
    }
  });

  it('have the quantiles of what was added', () => {
    const histogram = new Histogram();
    for (let i = 1; i <= 1000; i++) histogram.add(i / 1000);
    for (const share of [0.5, 0.99, 0.999, 1])
      expect(histogram.quantile(share)).to.be.closeTo(share * 1000, share * 17);
    expect(new Histogram().quantile(0.5)).to.be.NaN;
  });
});
