/** What the clients of a soak do: each scenario is one connection from its beginning to its end. */
import { BROKEN_REQUESTS } from '../simulate/broken.js';
import { Pattern } from '../simulate/pattern.js';
import type { Prng } from '../simulate/prng.js';
import { SoakClient } from './client.js';
import { BROKEN_PREFIX, type Complain, type Wish } from './origins.js';

export interface Tally {
  connections: number;
  good: number;
  failed: number;
  tunnels: number;
  messages: number;
  octets: number;
  resets: number;
  refused: number;
}

export interface Soak {
  readonly port: number;
  readonly prng: Prng;
  readonly tally: Tally;
  readonly complain: Complain;
  /** Largest content. */
  readonly mostOctets: number;
  /** Unique in the run. */
  token(): string;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const FRAMINGS = ['length', 'chunked', 'close'] as const;

function connect(soak: Soak): SoakClient {
  soak.tally.connections++;
  return new SoakClient(soak.port, soak.complain);
}

function leave(soak: Soak, client: SoakClient, resets = false): void {
  soak.tally.octets += client.octets;
  if (resets) {
    soak.tally.resets++;
    client.socket.resetAndDestroy();
  } else {
    client.socket.end();
    // Whoever has said all still has to be let go.
    setTimeout(() => client.socket.destroy(), 1000).unref();
  }
}

interface Request {
  readonly octets: Buffer;
  readonly method: string;
  readonly wish: Wish;
}

/** A good request, content and all. */
function makeRequest(soak: Soak, prefix: string, most: number): Request {
  const { prng } = soak;
  const sends = prng.chance(40);
  const wish: Wish = {
    kind: sends ? 'up' : 'down',
    token: soak.token(),
    count: prng.size(most),
    framing: prng.pick(FRAMINGS),
  };
  const method = sends ? 'POST' : prng.chance(15) ? 'HEAD' : 'GET';
  const target = `${prefix}/${wish.kind}/${wish.token}/${wish.count}/${wish.framing}`;
  const head = `${method} ${target} HTTP/1.1\r\nHost: soak\r\n`;
  if (!sends) return { octets: Buffer.from(`${head}\r\n`, 'latin1'), method, wish };
  const content = new Pattern(`${wish.token}q`).take(0, wish.count);
  if (prng.chance(50)) {
    const length = Buffer.from(`${head}Content-Length: ${content.length}\r\n\r\n`, 'latin1');
    return { octets: Buffer.concat([length, content]), method, wish };
  }
  const parts: Buffer[] = [Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`, 'latin1')];
  for (let at = 0; at < content.length;) {
    const piece = content.subarray(at, at + prng.between(1, 50_000));
    at += piece.length;
    parts.push(
      Buffer.from(`${piece.length.toString(16)}\r\n`, 'latin1'),
      piece,
      Buffer.from('\r\n', 'latin1'),
    );
  }
  parts.push(Buffer.from('0\r\n\r\n', 'latin1'));
  return { octets: Buffer.concat(parts), method, wish };
}

/** Good requests to the good origin, one after another or pipelined: all must be answered, whole. */
async function keepAlive(soak: Soak): Promise<void> {
  const { prng } = soak;
  const client = connect(soak);
  const depth = prng.chance(70) ? 1 : prng.between(2, 5);
  for (let left = prng.between(1, 20); left > 0; left -= depth) {
    const requests = Array.from({ length: depth }, () => makeRequest(soak, '', 20_000));
    const answers = await Promise.all(
      requests.map(({ octets, method, wish }) => client.ask(octets, method, wish)),
    );
    answers.forEach(({ status, isWhole, isForwarded }, i) => {
      if (status === 200 && isWhole && isForwarded) soak.tally.good++;
      else
        soak.complain(
          `${requests[i].method} ${requests[i].wish.token} was answered ${status}, whole: ${isWhole}`,
        );
    });
    if (answers.some(({ keepsAlive }) => !keepsAlive)) break;
    if (prng.chance(30)) await sleep(prng.below(200));
  }
  leave(soak, client);
}

/** Much content, read or sent with pauses. */
async function big(soak: Soak): Promise<void> {
  const { prng } = soak;
  const client = connect(soak);
  const { octets, method, wish } = makeRequest(soak, '', soak.mostOctets);
  const pauses = prng.chance(50) ? prng.between(1, 10) : 0;
  const answer = client.ask(octets, method, wish);
  for (let i = 0; i < pauses && !client.isClosed; i++) {
    client.socket.pause();
    await sleep(prng.below(100));
    client.socket.resume();
    await sleep(prng.below(20));
  }
  const { status, isWhole, isForwarded } = await answer;
  if (status === 200 && isWhole && isForwarded) soak.tally.good++;
  else soak.complain(`${method} ${wish.token} (${wish.count}) was answered ${status}, whole: ${isWhole}`);
  leave(soak, client);
}

function offer(prefix: string, token: string): { octets: string; wish: Wish } {
  const wish: Wish = { kind: 'ws', token, count: 0, framing: 'length' };
  const octets = `GET ${prefix}/ws/${token}/0/length HTTP/1.1\r\nHost: soak\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  return { octets, wish };
}

/** A tunnel that echoes; sometimes it ends in the middle. */
async function tunnel(soak: Soak): Promise<void> {
  const { prng } = soak;
  const client = connect(soak);
  const { octets, wish } = offer('', soak.token());
  const pattern = new Pattern(`${wish.token}t`);
  const early = prng.chance(30) ? prng.between(1, 5000) : 0;
  const answer = client.ask(octets, 'GET', wish);
  const first = early > 0 ? client.send(pattern, 0, early) : Promise.resolve(true);
  const { status } = await answer;
  if (status !== 101) {
    soak.complain(`an offer was answered ${status}`);
    leave(soak, client);
    return;
  }
  soak.tally.tunnels++;
  let isWhole = await first;
  let at = early;
  for (let left = prng.between(0, 40); left > 0 && isWhole; left--) {
    const count = prng.chance(5) ? prng.between(1, 200_000) : prng.between(1, 2000);
    isWhole = await client.send(pattern, at, count);
    at += count;
    soak.tally.messages++;
    if (prng.chance(10)) await sleep(prng.below(100));
  }
  if (isWhole) soak.tally.good++;
  else soak.complain(`a tunnel lost octets: ${wish.token}`);
  leave(soak, client, prng.chance(30));
}

/** The client leaves in the middle of something. */
async function vanish(soak: Soak): Promise<void> {
  const { prng } = soak;
  const client = connect(soak);
  client.isCareless = true;
  const isTunnel = prng.chance(20);
  const made = makeRequest(soak, prng.chance(50) ? '/wild' : '', 300_000);
  const octets = isTunnel ? Buffer.from(offer('', soak.token()).octets, 'latin1') : made.octets;
  client.socket.write(octets.subarray(0, prng.below(octets.length + 1)));
  await sleep(prng.below(50));
  leave(soak, client, prng.chance(60));
}

/** What is no HTTP is refused, and the connection closed. */
async function broken(soak: Soak): Promise<void> {
  const { prng } = soak;
  const client = connect(soak);
  const one = prng.pick(BROKEN_REQUESTS);
  const framing = one.content === undefined ? '' : 'Transfer-Encoding: chunked\r\n';
  const head = `POST /up/${BROKEN_PREFIX}${soak.token()}/5/length HTTP/1.1\r\nHost: soak\r\n${framing}`;
  const text = `${one.head?.(head) ?? head}\r\n${one.content ?? ''}`;
  const { status } = await client.ask(text, 'POST', null);
  // A head that was changed into one that is merely larger than here allowed is refused as well.
  if (status < 400) soak.complain(`${one.name} was answered ${status}`);
  soak.tally.refused++;
  leave(soak, client);
  await client.closed();
}

/** The wild origin: anything may come of it, except an answer that is wrong. */
async function wild(soak: Soak): Promise<void> {
  const client = connect(soak);
  const isTunnel = soak.prng.chance(15);
  if (isTunnel) {
    const { octets, wish } = offer('/wild', soak.token());
    const { status } = await client.ask(octets, 'GET', wish);
    if (status === 101) await client.send(new Pattern(`${wish.token}t`), 0, 3000);
  } else {
    const { octets, method, wish } = makeRequest(soak, '/wild', 100_000);
    const { isWhole, isForwarded } = await client.ask(octets, method, wish);
    if (isWhole && isForwarded) soak.tally.good++;
    else soak.tally.failed++;
  }
  leave(soak, client);
}

/** Nobody listens there: 502, and the connection stays usable. */
async function dead(soak: Soak): Promise<void> {
  const client = connect(soak);
  for (let i = 0; i < 2; i++) {
    const { status, isWhole } = await client.ask('GET /dead HTTP/1.1\r\nHost: soak\r\n\r\n', 'GET', null);
    if (status !== 502 || !isWhole) soak.complain(`nobody there was answered ${status}`);
    soak.tally.failed++;
  }
  leave(soak, client);
}

/** Says nothing, or not enough, or does not read: the proxy's times end it. */
async function stall(soak: Soak): Promise<void> {
  const { prng } = soak;
  const client = connect(soak);
  client.isCareless = true;
  const how = prng.below(3);
  if (how === 1) client.socket.write('GET /down/');
  if (how === 2) {
    client.socket.pause();
    client.socket.write(`GET /down/${soak.token()}/20000000/length HTTP/1.1\r\nHost: soak\r\n\r\n`);
  }
  await Promise.race([client.closed(), sleep(prng.between(500, 6000))]);
  soak.tally.octets += client.octets;
  client.socket.destroy();
}

type Scenario = (soak: Soak) => Promise<void>;

/** Each as often as it stands here. */
export const SCENARIOS: readonly Scenario[] = [
  ...Array.from({ length: 8 }, () => keepAlive),
  big,
  ...Array.from({ length: 3 }, () => tunnel),
  ...Array.from({ length: 3 }, () => vanish),
  broken,
  broken,
  wild,
  wild,
  wild,
  dead,
  stall,
];
