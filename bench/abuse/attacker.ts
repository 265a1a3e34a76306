/**
 * The attacker of an abuse run, a process of its own: one of {@link ATTACKS} until it is told to stop. Source addresses
 * rotate over 127.0.0.2 to 127.0.0.17, so that ports do not run out.
 */
import { connect, type Socket } from 'node:net';
import type { AttackCounts, AttackerOrder, AttackerReady, AttackJob, AttackName } from './messages.js';

const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
const GET_BIG = 'GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n';
const SLOW_BODY = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n';
const OFFER =
  'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
/** One of each rule that a head can break. */
const MALFORMED = [
  'nonsense\r\n\r\n',
  'GET / HTTP/1.1\r\n\r\n',
  'GET / HTTP/1.1\nHost: x\n\n',
  'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'GET / HTTP/3.0\r\nHost: x\r\n\r\n',
  `GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(9000)}\r\n\r\n`,
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
];
/** New connections are begun in groups of this many, so that none waits in the backlog for long. */
const GROUP = 200;
const DRIP_MS = 1000;
/** How long a connection of the flood is held. */
const HOLD_MS = 100;

const counts: AttackCounts = { opened: 0, refused: 0, open: 0, mostOpen: 0, ended: 0, answers: {} };
let stopped = false;
let ordinal = 0;

/** Opens a connection. @param onEnd it is gone, by whatever side's doing */
function open(
  { port, path }: AttackJob,
  onOpen: (socket: Socket) => void,
  onEnd: () => void = () => undefined,
): Socket {
  const localAddress = `127.0.0.${2 + (ordinal++ % 16)}`;
  const socket = connect(path === '' ? { port, host: '127.0.0.1', localAddress, noDelay: true } : { path });
  let isOpen = false;
  socket.on('connect', () => {
    isOpen = true;
    counts.opened++;
    counts.mostOpen = Math.max(counts.mostOpen, ++counts.open);
    onOpen(socket);
  });
  let failed = false;
  socket.on('end', () => (failed = true));
  socket.on('error', () => (failed = true));
  socket.on('close', () => {
    if (isOpen) {
      counts.open--;
      if (failed && !stopped) counts.ended++;
    } else if (!stopped) {
      counts.refused++;
    }
    if (!stopped) onEnd();
  });
  return socket;
}

/** Counts answers, by the status of each chunk that begins with one. */
function countAnswers(socket: Socket): void {
  socket.on('data', (octets) => {
    const status = /^HTTP\/1\.1 (\d{3})/.exec(octets.toString('latin1', 0, 16))?.[1];
    if (status !== undefined) counts.answers[status] = (counts.answers[status] ?? 0) + 1;
  });
}

/** Opens connections up to the wanted number, a group at a time, and opens a new one for each that ends. */
function keep(job: AttackJob, onOpen: (socket: Socket) => void): void {
  const { connections } = job;
  let begun = 0;
  const one = (): void => void open(job, onOpen, () => setTimeout(one, 10));
  const timer = setInterval(() => {
    for (let i = 0; i < GROUP && begun < connections && !stopped; i++, begun++) one();
    if (begun >= connections) clearInterval(timer);
  }, 20);
}

/** `text` once, then `drop` every second. */
function drips(text: string, drop: string): (socket: Socket) => void {
  return (socket) => {
    countAnswers(socket);
    socket.write(text);
    const timer = setInterval(() => socket.writable && socket.write(drop), DRIP_MS);
    socket.on('close', () => clearInterval(timer));
  };
}

const ATTACKS: Record<AttackName, (job: AttackJob) => void> = {
  'idle connections': (job) =>
    keep(job, (socket) => {
      countAnswers(socket);
      socket.write(GET);
    }),
  'slow heads': (job) => keep(job, drips('GET / HTTP/1.1\r\nHost: localhost\r\nX: ', 'x')),
  'slow bodies': (job) => keep(job, drips(SLOW_BODY, 'x')),
  'slow readers': (job) =>
    keep(job, (socket) => {
      socket.write(GET_BIG);
      socket.pause();
      const timer = setInterval(() => socket.resume(), DRIP_MS);
      socket.on('data', () => socket.pause());
      socket.on('close', () => clearInterval(timer));
    }),
  'connection flood': (job) => {
    const one = (): void => {
      const socket = open(
        job,
        () => setTimeout(() => socket.resetAndDestroy(), HOLD_MS),
        () => setImmediate(one),
      );
      socket.resume();
    };
    for (let i = 0; i < job.connections; i++) one();
  },
  'idle tunnels': (job) =>
    keep(job, (socket) => {
      countAnswers(socket);
      socket.write(OFFER);
    }),
  'malformed requests': (job) => {
    const one = (): void => {
      open(
        job,
        (socket) => {
          countAnswers(socket);
          socket.end(Buffer.from(MALFORMED[counts.opened % MALFORMED.length], 'latin1'));
        },
        () => setImmediate(one),
      );
    };
    for (let i = 0; i < job.connections; i++) one();
  },
};

process.on('message', (order: AttackerOrder) => {
  if (order === 'stop') {
    stopped = true;
    process.exit(0);
  } else if (order === 'count') {
    process.send?.(counts);
  } else {
    ATTACKS[order.begin.attack](order.begin);
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready' satisfies AttackerReady);
