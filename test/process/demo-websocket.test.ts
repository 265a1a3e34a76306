/** Proves the demo's WebSocket server against an independent peer (ws) and against octets that break the rules. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { DemoUpstream } from '../../src/process/demo-upstream.js';
import { MESSAGE_MAX_OCTETS } from '../../src/process/demo-websocket.js';

interface ChatMessage {
  kind: string;
  text?: string;
  from?: string;
  names?: string[];
}

describe('demo upstream', () => {
  let upstream: DemoUpstream;
  let port: number;
  const sockets: { terminate(): void }[] = [];

  before(async () => {
    upstream = new DemoUpstream();
    upstream.configuration = 'a </pre><script>alert("&")</script>';
    port = await upstream.listen();
  });
  after(() => upstream.close());
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.terminate();
  });

  /** A guest, and a way to wait for the next message of a kind. */
  async function guest(): Promise<{ socket: WebSocket; next: (kind: string) => Promise<ChatMessage> }> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`);
    sockets.push(socket);
    const received: ChatMessage[] = [];
    let wake: () => void = () => undefined;
    socket.on('message', (octets) => {
      received.push(JSON.parse(String(octets)) as ChatMessage);
      wake();
    });
    const next = async (kind: string): Promise<ChatMessage> => {
      for (;;) {
        const at = received.findIndex((message) => message.kind === kind);
        if (at >= 0) return received.splice(at, 1)[0];
        await new Promise<void>((resolve) => (wake = resolve));
      }
    };
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    await next('welcome');
    return { socket, next };
  }

  it('says what a guest says to everybody, fragments put together', async () => {
    const [one, two] = [await guest(), await guest()];
    one.socket.send('Gr\u00fc', { fin: false });
    one.socket.ping();
    one.socket.send('\u00dfe', { fin: true });
    for (const { next } of [one, two]) expect((await next('message')).text).to.equal('Gr\u00fc\u00dfe');
  });

  it('renames, and tells who is there', async () => {
    const one = await guest();
    await one.next('people');
    one.socket.send('/name Ada Lovelace');
    expect((await one.next('people')).names).to.deep.equal(['Ada Lovelace']);
    one.socket.send('hello');
    expect((await one.next('message')).from).to.equal('Ada Lovelace');
  });

  it('answers pings and the closing handshake', async () => {
    const { socket } = await guest();
    const pong = new Promise<Buffer>((resolve) => socket.once('pong', resolve));
    socket.ping('x');
    expect(String(await pong)).to.equal('x');
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    socket.close(4001);
    expect(await closed).to.equal(4001);
  });

  it('refuses binary messages and messages that are too large', async () => {
    for (const [message, code] of [
      [Buffer.from([1]), 1003],
      ['x'.repeat(MESSAGE_MAX_OCTETS + 1), 1009],
    ] as const) {
      const { socket } = await guest();
      const closed = new Promise<number>((resolve) => socket.once('close', resolve));
      socket.send(message);
      expect(await closed).to.equal(code);
    }
    const { socket, next } = await guest();
    socket.send('x'.repeat(MESSAGE_MAX_OCTETS));
    expect((await next('message')).text).to.have.length(MESSAGE_MAX_OCTETS);
  });

  /** Sends octets behind a handshake and answers the close code that comes back. */
  async function closeCode(frames: Buffer): Promise<number> {
    const socket: Socket = connect(port, '127.0.0.1');
    sockets.push({ terminate: () => socket.destroy() });
    socket.write(
      'GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    // In the same write as nothing else: the handshake's answer and the frames may come in any split.
    for (const octet of frames) socket.write(Buffer.from([octet]));
    let received = Buffer.alloc(0);
    for await (const chunk of socket) received = Buffer.concat([received, chunk as Buffer]);
    expect(received.toString('latin1')).to.match(
      /^HTTP\/1\.1 101 [^]*Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/,
    );
    const at = received.lastIndexOf(0x88);
    return received.readUInt16BE(at + 2);
  }
  const KEY = [0, 0, 0, 0];
  const broken: [string, number[], number][] = [
    ['a frame without a mask', [0x81, 0x01, 0x61], 1002],
    ['a reserved bit', [0xc1, 0x81, ...KEY, 0x61], 1002],
    ['an unknown opcode', [0x83, 0x80, ...KEY], 1002],
    ['a fragmented ping', [0x09, 0x80, ...KEY], 1002],
    ['a long ping', [0x89, 0xfe, 0, 126, ...KEY], 1002],
    ['a continuation of nothing', [0x80, 0x80, ...KEY], 1002],
    ['a new message inside a message', [0x01, 0x80, ...KEY, 0x81, 0x80, ...KEY], 1002],
    ['text that is not UTF-8', [0x81, 0x81, ...KEY, 0xff], 1007],
    ['half a close code', [0x88, 0x81, ...KEY, 0x03], 1002],
    ['a close code that may not be sent', [0x88, 0x82, ...KEY, 0x03, 0xed], 1002],
    ['a length of eight octets', [0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, ...KEY], 1009],
  ];
  for (const [name, octets, code] of broken) {
    it(`closes with ${code} for ${name}`, async () =>
      expect(await closeCode(Buffer.from(octets))).to.equal(code));
  }

  it('answers a handshake of another version with 426, and one without a key with 400', async () => {
    for (const [fields, status] of [
      ['Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n', '426'],
      ['Sec-WebSocket-Version: 13\r\n', '400'],
    ]) {
      const socket = connect(port, '127.0.0.1');
      socket.write(
        `GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${fields}\r\n`,
      );
      let received = '';
      for await (const chunk of socket) received += String(chunk);
      expect(received).to.match(new RegExp(`^HTTP/1\\.1 ${status} `));
    }
  });

  it('serves the page with the configuration as text', async () => {
    const page = await (await fetch(`http://127.0.0.1:${port}/`)).text();
    expect(page).to.include('a &#60;/pre&#62;&#60;script&#62;alert(&#34;&#38;&#34;)&#60;/script&#62;');
    expect((await fetch(`http://127.0.0.1:${port}/nowhere`)).status).to.equal(404);
  });
});
