/**
 * Switched protocols beside nginx: octets in front of, with and behind the 101, who ends it, peers that fail before it, and
 * what logs say. Where wirehop is stricter on purpose (docs/nginx.md) there is no case here.
 */
import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { cleanUp, freePort, onHeads, openRaw, startRawUpstream, until } from '../e2e/harness.js';
import { NGINX, startPair, type Pair } from './beside.js';

const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: Upgrade\r\nX-Theirs: 1\r\n\r\n';
const OFFER = 'Host: a\r\nUpgrade: foo\r\nConnection: Upgrade\r\n';

interface Case {
  readonly target: string;
  readonly head?: string;
  /** Sent with the head. */
  readonly early?: string;
  /** Said one after the other behind the 101, each with what must have come by then. */
  readonly says?: readonly (readonly [string, string])[];
  /** The answer is no 101: what comes with it ends with this. */
  readonly ends?: string;
}

const TALK = [
  ['foo', 'echo:foo'],
  ['bar', 'echo:bar'],
] as const;

const CASES: Readonly<Record<string, Case>> = {
  'a tunnel': { target: '/plain', says: TALK },
  'octets with the 101': { target: '/extra', says: [['', 'extra'], ...TALK] },
  'octets in front of the 101': { target: '/slow', early: 'early', says: [['', 'echo:early'], ...TALK] },
  'content, and a tunnel behind it': {
    target: '/content',
    head: 'Content-Length: 4\r\n',
    early: 'bodyrest',
    says: [['', 'content:body'], ['', 'echo:rest'], ...TALK],
  },
  'a POST': { target: '/post', says: TALK },
  'the next peer after 503': { target: '/next', says: TALK },
  'the next peer after a refusal': { target: '/dead', says: TALK },
  'no next peer without need': { target: '/stay', ends: 'busy' },
  'a refused offer, and a next request': {
    target: '/refused',
    early: `GET /back/again HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    ends: 'again',
  },
  'an error page in place of a 503': { target: '/page', ends: 'page 503' },
};

const HTTP = `
  map $status $kind { ~^1 switched; default "other $request_method"; }
  log_format tunnels "$request_uri $kind $status $upstream_status $body_bytes_sent $upstream_bytes_sent $upstream_bytes_received $sent_http_connection $sent_http_upgrade $upstream_http_x_theirs $request_completion";
  upstream next { server 127.0.0.1:@BUSY@; server 127.0.0.1:@RAW@ backup; }
  upstream stay { server 127.0.0.1:@BUSY@; server 127.0.0.1:@RAW@ backup; }
  upstream dead { server 127.0.0.1:@DEAD_PORT@; server 127.0.0.1:@RAW@ backup; }
  upstream nobody { server 127.0.0.1:@RAW@ down; }
  server {
    listen @PORT@; server_name a; access_log access.log tunnels; proxy_read_timeout 4s;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "Upgrade"; proxy_set_header Host a;
    location / { proxy_pass http://127.0.0.1:@RAW@; }
    location /next { proxy_pass http://next; proxy_next_upstream http_503; }
    location /stay { proxy_pass http://stay; }
    location /dead { proxy_pass http://dead; }
    location /nobody { proxy_pass http://nobody; add_header X-Who "$upstream_addr $upstream_status" always; }
    location /page { proxy_pass http://127.0.0.1:@BUSY@; proxy_intercept_errors on; error_page 503 = @page; }
    location @page { return 200 "page $upstream_status"; }
  }`;

describe('tunnels beside nginx', function () {
  this.timeout(20_000);
  let pair: Pair;

  before(async function () {
    if (!existsSync(NGINX)) {
      if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(`${NGINX} is missing`);
      this.skip();
    }
    const upstream = await startRawUpstream((socket) => {
      let text = '';
      let isTunnel = false;
      socket.on('data', (octets) => {
        if (isTunnel) return void socket.write(`echo:${octets.toString('latin1')}`);
        text += octets.toString('latin1');
        const end = text.indexOf('\r\n\r\n') + 4;
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
        if (end < 4 || text.length < end + length) return;
        const target = text.split(' ')[1];
        if (target === '/refused') return void socket.end('HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno');
        if (target === '/back/again')
          return void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain');
        isTunnel = true;
        const content = length === 0 ? '' : `content:${text.slice(end, end + length)}`;
        const answer = (): void => void socket.write(SWITCH + (target === '/extra' ? 'extra' : content));
        if (target === '/slow') setTimeout(answer, 100);
        else answer();
        const rest = text.slice(end + length);
        if (rest !== '') socket.write(`echo:${rest}`);
      });
    });
    const busy = await startRawUpstream((socket) =>
      onHeads(socket, () => socket.end('HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy')),
    );
    pair = await startPair(
      HTTP.replaceAll('@RAW@', String(upstream.port))
        .replaceAll('@BUSY@', String(busy.port))
        .replaceAll('@DEAD_PORT@', String(await freePort())),
    );
  });
  after(cleanUp);

  async function converse(
    port: number,
    { target, head = '', early = '', says = [], ends }: Case,
  ): Promise<string> {
    const connection = await openRaw(port);
    const method = target === '/post' ? 'POST' : 'GET';
    connection.write(`${method} ${target} HTTP/1.1\r\n${OFFER}${head}\r\n${early}`);
    if (ends !== undefined) {
      await connection.until(new RegExp(`${ends}$`));
    } else {
      await connection.until('\r\n\r\n');
      for (const [say, wanted] of says) {
        if (say !== '') connection.write(say);
        await connection.until(new RegExp(`\r\n\r\n[^]*${wanted}`));
      }
    }
    const received = connection.take();
    connection.socket.destroy();
    const [start, ...lines] = received.split('\r\n\r\n')[0].split('\r\n');
    const told = lines.filter((line) => !/^(Date|Server): /.test(line));
    return [start, ...told.sort(), received.slice(received.indexOf('\r\n\r\n'))]
      .join('\n')
      .replace(/^(Date|Server): .*\r\n/gm, '');
  }

  for (const [name, one] of Object.entries(CASES)) {
    it(name, async () => {
      const nginx = await converse(pair.ports.nginx, one);
      expect(sortedHeads(await converse(pair.ports.wirehop, one))).to.equal(sortedHeads(nginx));
    });
  }

  it('an upstream without a live peer is named itself', async () => {
    const { nginx, wirehop } = await pair.raw('GET /nobody HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(/X-Who: .*/.exec(nginx)?.[0]).to.equal('X-Who: nobody 502');
    expect(/X-Who: .*/.exec(wirehop)?.[0]).to.equal('X-Who: nobody 502');
  });

  it('the same lines in the access log', async () => {
    const count = Object.keys(CASES).length + 2;
    const lines = (text: string): string[] =>
      text
        .trim()
        .split('\n')
        // nginx forgets that a connection stays before it logs.
        .map((line) => line.replace(/ (keep-alive|close) /, ' - '))
        // It sends a Connection field without an Upgrade field, and pages differ in the name of the program.
        .map((line) => line.replace(/^(\/back|\/nobody).*/, '$1'))
        .sort();
    await until('every line', () => {
      const { nginx, wirehop } = pair.file('access.log');
      return lines(nginx).length >= count && lines(wirehop).length >= count;
    });
    const { nginx, wirehop } = pair.file('access.log');
    expect(lines(wirehop)).to.deep.equal(lines(nginx));
  });
});

/** A second head, of a next answer, has its lines in another order, too. */
function sortedHeads(text: string): string {
  return text.replace(/HTTP\/1\.1 \d{3}[^]*?\r\n\r\n/g, (head) => {
    const [start, ...lines] = head.trimEnd().split('\r\n');
    return `${[start, ...lines.sort()].join('\r\n')}\r\n\r\n`;
  });
}
