/** The second opinion: Node's own HTTP parser, strict, over streams in memory. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import { readStrict } from './read.js';

/** A connection that gives these octets and then ends; what is written to it is forgotten. */
class OneSided extends Duplex {
  constructor(octets: string, ends: boolean) {
    super({ allowHalfOpen: true });
    this.push(Buffer.from(octets, 'latin1'));
    if (ends) this.push(null);
    this.on('error', () => undefined);
  }
  override _read(): void {
    // Everything is there from the start.
  }
  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done();
  }
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

interface NodeMessage {
  readonly name: string;
  content: string;
  isWhole: boolean;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Requests that Node reads in a stream. */
async function readRequests(octets: string): Promise<{ messages: NodeMessage[]; errors: string[] }> {
  const messages: NodeMessage[] = [];
  const errors: string[] = [];
  const server = http.createServer({
    maxHeaderSize: 262144,
    insecureHTTPParser: false,
    requireHostHeader: true,
    keepAliveTimeout: 0,
  });
  const take = (request: IncomingMessage, response?: ServerResponse): void => {
    const message: NodeMessage = { name: `${request.method} ${request.url}`, content: '', isWhole: false };
    messages.push(message);
    request.on('error', () => undefined);
    request.setEncoding('latin1');
    request.on('data', (text: string) => (message.content += text));
    request.on('end', () => {
      message.isWhole = request.complete;
      response?.end();
    });
  };
  server.on('request', take);
  server.on('checkContinue', take);
  server.on('checkExpectation', take);
  server.on('upgrade', (request: IncomingMessage) => {
    messages.push({ name: `${request.method} ${request.url}`, content: '', isWhole: true });
  });
  server.on('connect', (request: IncomingMessage) =>
    messages.push({ name: `CONNECT ${request.url}`, content: '', isWhole: true }),
  );
  server.on('clientError', (error: Error & { code?: string }) => errors.push(error.code ?? error.message));
  const connection = new OneSided(octets, true);
  server.emit('connection', connection);
  for (let i = 0; i < 6; i++) await turn();
  connection.destroy();
  return { messages, errors };
}

/** @returns how Node reads one forwarded request differently from the strict reader, or null */
export async function judgeByNode(octets: string): Promise<string | null> {
  const strict = readStrict('request', octets, { switches: [true] });
  const [first] = strict.messages;
  // Methods that Node does not know say nothing; a switch hands it the tunnel's octets.
  if (strict.messages.length === 0 || !http.METHODS.includes(first.head.method) || strict.tunnel !== '')
    return null;
  if (first.head.isUpgrade && first.head.framing !== 'none') return null;
  const { messages, errors } = await readRequests(octets);
  if (messages.length !== 1) return `Node reads ${messages.length} requests (${errors.join(', ')})`;
  const [message] = messages;
  if (message.name !== `${first.head.method} ${first.head.target}`) return `Node reads ${message.name}`;
  if (message.isWhole !== first.isWhole && !first.head.isUpgrade)
    return `Node finds it ${message.isWhole ? 'whole' : 'cut'}`;
  if (first.isWhole && message.content !== first.content) return 'Node reads other content';
  if (first.isWhole && errors.length > 0) return `Node refuses: ${errors.join(', ')}`;
  return null;
}

/** @returns how Node reads a returned response differently from the strict reader, or null */
export async function judgeResponseByNode(method: string, octets: string): Promise<string | null> {
  const strict = readStrict('response', octets, { methods: [method], ends: true });
  const final = strict.messages.find(({ head }) => head.status >= 200);
  if (final === undefined || strict.messages.some(({ head }) => head.status === 101)) return null;
  const outcome: { status: number; content: string; isWhole: boolean; error: string } = {
    status: 0,
    content: '',
    isWhole: false,
    error: '',
  };
  const connection = new OneSided('', false);
  const request = http.request({
    method,
    path: '/',
    host: 'h',
    createConnection: () => connection as never,
    insecureHTTPParser: false,
    maxHeaderSize: 262144,
  });
  request.on('error', (error: Error & { code?: string }) => (outcome.error = error.code ?? error.message));
  request.on('response', (response) => {
    outcome.status = response.statusCode ?? 0;
    response.setEncoding('latin1');
    response.on('data', (text: string) => (outcome.content += text));
    response.on('error', () => undefined);
    response.on('end', () => (outcome.isWhole = response.complete));
  });
  request.end();
  await turn();
  connection.push(Buffer.from(octets, 'latin1'));
  connection.push(null);
  for (let i = 0; i < 6; i++) await turn();
  connection.destroy();
  request.destroy();
  if (outcome.status !== final.head.status) return `Node reads status ${outcome.status} (${outcome.error})`;
  if (outcome.isWhole !== final.isWhole) return `Node finds it ${outcome.isWhole ? 'whole' : 'cut'}`;
  if (final.isWhole && outcome.content !== final.content) return 'Node reads other content';
  return null;
}
