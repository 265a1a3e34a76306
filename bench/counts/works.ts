/** The operations whose cost is counted. */
import { BROWSER_REQUEST, CONTENT, UPGRADE_REQUEST } from '../fixtures.js';
import { Asker } from './asker.js';

const HEAD_END = '\r\n\r\n';

/** `request` with `path` in place of its own. */
export function withPath(request: Buffer, path: string): Buffer {
  return Buffer.from(request.toString('latin1').replace(/ \S+ /, ` ${path} `), 'latin1');
}

/** One kind of operation, done over and over. */
export interface Operations {
  /** Does it `count` times in a row. */
  run(count: number): Promise<void>;
  /** Does it once, with `text` where a trace of the system calls shows it. */
  mark(text: string): Promise<void>;
}

const CLOSING_REQUEST = Buffer.from(
  BROWSER_REQUEST.octets.toString('latin1').replace('Connection: keep-alive', 'Connection: close'),
  'latin1',
);

/** What comes back for one request, in octets; found out by asking once. */
async function answerOctets(port: number): Promise<number> {
  const asker = await Asker.open(port);
  let octets = CONTENT.length;
  const head = await asker.askHead(withPath(BROWSER_REQUEST.octets, '/'));
  octets += head.indexOf(HEAD_END) + HEAD_END.length;
  await asker.end();
  return octets;
}

async function exchanges(port: number): Promise<Operations> {
  const wanted = await answerOctets(port);
  const asker = await Asker.open(port);
  return {
    async run(count) {
      for (let i = 0; i < count; i++) await asker.ask(BROWSER_REQUEST.octets, wanted);
    },
    mark: (text) => asker.ask(withPath(BROWSER_REQUEST.octets, `/${text}`), wanted),
  };
}

/** Each with a connection of its own. */
function connections(port: number, request: Buffer): Promise<Operations> {
  const once = async (octets: Buffer): Promise<void> => {
    const asker = await Asker.open(port);
    await asker.askHead(octets);
    await asker.end();
  };
  return Promise.resolve({
    async run(count) {
      for (let i = 0; i < count; i++) await once(request);
    },
    mark: (text) => once(withPath(request, `/${text}`)),
  });
}

/** Messages there and back in one tunnel. */
async function messages(port: number, octets: number): Promise<Operations> {
  const asker = await Asker.open(port);
  await asker.askHead(UPGRADE_REQUEST);
  const message = Buffer.alloc(octets, 'a message ');
  return {
    async run(count) {
      for (let i = 0; i < count; i++) await asker.ask(message, octets);
    },
    mark: (text) => asker.ask(Buffer.alloc(octets, `/${text} `), octets),
  };
}

/** One kind of operation whose cost is counted. */
export interface CountedWork {
  readonly name: string;
  /** Opens a connection for each operation. */
  readonly isLong?: boolean;
  start(port: number): Promise<Operations>;
}

export const COUNTED_WORKS: readonly CountedWork[] = [
  { name: 'HTTP exchange', start: exchanges },
  {
    name: 'HTTP exchange, new connection',
    isLong: true,
    start: (port) => connections(port, CLOSING_REQUEST),
  },
  { name: 'WebSocket handshake', isLong: true, start: (port) => connections(port, UPGRADE_REQUEST) },
  { name: 'tunnel message there and back, 64 B', start: (port) => messages(port, 64) },
  { name: 'tunnel message there and back, 16 KB', start: (port) => messages(port, 16384) },
];
