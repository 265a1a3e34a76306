/**
 * Files through the command: sent whole however large and however slowly they are taken, in bounded memory; closed when
 * they are sent and when nobody wants them any more; never from outside their root. What nginx answers to the same
 * requests is in test/nginx.
 */
import { expect } from 'chai';
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createProxy, loadConfig } from '../../src/index.js';
import {
  cleanUp,
  type Command,
  exchangeRaw,
  freePorts,
  onCleanUp,
  openRaw,
  pause,
  soon,
  startProxy,
  temporaryFolder,
  until,
} from './harness.js';

const MIB = 1024 * 1024;

interface Stage {
  readonly proxy: Command;
  readonly port: number;
  /** What files are sent from. */
  readonly root: string;
}

/** A proxy with a folder `html`. @param server what stands in `server` beside its port */
async function stage(server = '', http = ''): Promise<Stage> {
  const [port] = await freePorts(1);
  const folder = temporaryFolder();
  const root = join(folder, 'html');
  mkdirSync(root);
  writeFileSync(join(root, 'index.html'), 'home');
  const proxy = await startProxy(
    `daemon off; master_process off; pid wirehop.pid; error_log error.log info; events {}
    http { access_log access.log; ${http} server { listen 127.0.0.1:${port}; ${server} } }`,
    folder,
  );
  return { proxy, port, root };
}

const ask = (target: string, more = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${more}\r\n`;

/** Fetches a whole answer and digests its content. */
function digest(port: number, path: string, pauseEvery = Infinity): Promise<{ sum: string; octets: number }> {
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', path, agent: false }, (response) => {
      const hash = createHash('sha256');
      let octets = 0;
      let mark = pauseEvery;
      response.on('data', (chunk: Buffer) => {
        hash.update(chunk);
        octets += chunk.length;
        if (octets < mark) return;
        mark += pauseEvery;
        response.pause();
        setTimeout(() => response.resume(), 20);
      });
      response.on('end', () => resolve({ sum: hash.digest('hex'), octets }));
      response.on('error', reject);
    }).on('error', reject);
  });
}

/** Files of a folder that a process has open. */
function openFiles(pid: number, folder: string): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/${pid}/fd/${fd}`);
      return path.startsWith(folder) ? [path] : [];
    } catch {
      return [];
    }
  });
}

describe('files', () => {
  afterEach(cleanUp);

  it('are sent octet for octet, to quick and to slow readers, many at once', async () => {
    const { proxy, port, root } = await stage();
    const sizes = [0, 1, 4095, 4096, 4097, 65535, 65536, 65537, 3 * MIB + 7];
    const sums = sizes.map((size) => {
      const octets = randomBytes(size);
      writeFileSync(join(root, `${size}.bin`), octets);
      return createHash('sha256').update(octets).digest('hex');
    });
    const fetches = sizes.flatMap((size, i) =>
      [Infinity, 300_000].map(async (pauseEvery) => {
        expect(await digest(port, `/${size}.bin`, pauseEvery)).to.deep.equal({ sum: sums[i], octets: size });
      }),
    );
    await Promise.all(fetches);
    expect(openFiles(proxy.pid, root)).to.deep.equal([]);
    expect(proxy.faults()).to.deep.equal([]);
  });

  it('hold a bounded buffer for a reader that sleeps, and go on from there', async () => {
    const { proxy, port, root } = await stage();
    const size = 256 * MIB;
    const path = join(root, 'large.bin');
    closeSync(openSync(path, 'w'));
    truncateSync(path, size);
    await digest(port, '/');
    const before = proxy.residentKib();
    const sleepers = Array.from({ length: 8 }, () => {
      const socket = connect(port, '127.0.0.1');
      onCleanUp(() => socket.destroy());
      socket.pause();
      socket.write(ask('/large.bin'));
      return socket;
    });
    await pause(700);
    expect(proxy.residentKib() - before).to.be.below(24 * 1024);
    let count = 0;
    const [first] = sleepers;
    first.on('data', (chunk: Buffer) => (count += chunk.length));
    const ended = new Promise((resolve) => first.once('end', resolve));
    first.resume();
    await soon('the end of the first', ended, 15_000);
    expect(count).to.be.above(size);
    for (const socket of sleepers) socket.destroy();
    await until('all files to be closed', () => openFiles(proxy.pid, root).length === 0);
    expect(proxy.faults()).to.deep.equal([]);
  }).timeout(30_000);

  it('are closed when the client goes, whatever is under way', async () => {
    const { proxy, port, root } = await stage();
    writeFileSync(join(root, 'some.bin'), randomBytes(8 * MIB));
    for (let round = 0; round < 30; round++) {
      const { socket } = await openRaw(port);
      socket.write(ask('/some.bin').repeat(1 + (round % 3)));
      await pause(round % 5);
      if (round % 2 === 0) socket.destroy();
      else socket.resetAndDestroy();
    }
    await until('all files to be closed', () => openFiles(proxy.pid, root).length === 0);
    expect(await exchangeRaw(port, ask('/'))).to.match(/\r\n\r\nhome$/);
    expect(proxy.faults()).to.deep.equal([]);
  });

  it('answer requests behind one another on a connection, pipelined or not', async () => {
    const { port, root } = await stage();
    writeFileSync(join(root, 'a.txt'), 'a'.repeat(70_000));
    const one = 'GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n';
    const received = await exchangeRaw(port, one + one.replace('GET', 'HEAD') + one + ask('/'));
    const heads = received.match(/HTTP\/1\.1 200 OK\r\n/g);
    expect(heads).to.have.length(4);
    expect(received.match(/a{70000}/g)).to.have.length(2);
    expect(received.endsWith('\r\n\r\nhome')).to.equal(true);
  });

  it('that become shorter while they are sent end the connection, with a line in the log', async () => {
    const { proxy, port, root } = await stage();
    const path = join(root, 'shrinks.bin');
    writeFileSync(path, randomBytes(64 * MIB));
    const { socket } = await openRaw(port);
    let count = 0;
    socket.on('data', (chunk: Buffer) => (count += chunk.length));
    socket.pause();
    socket.write(ask('/shrinks.bin'));
    await pause(200);
    truncateSync(path, 1000);
    const ended = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    await soon('the end', ended);
    expect(count).to.be.below(64 * MIB);
    await until('a line', () => /\[alert\].*SOURCE_FAILED/.test(proxy.file('error.log')));
    expect(openFiles(proxy.pid, root)).to.deep.equal([]);
  });

  it('are sent as they were opened when another takes their name', async () => {
    const { port, root } = await stage();
    const path = join(root, 'name.bin');
    writeFileSync(path, Buffer.alloc(16 * MIB, 'o'));
    const { socket } = await openRaw(port);
    let others = 0;
    let count = 0;
    socket.on('data', (chunk: Buffer) => {
      count += chunk.length;
      if (chunk.includes('NNNN')) others++;
    });
    socket.pause();
    socket.write(ask('/name.bin'));
    await pause(100);
    writeFileSync(`${path}.new`, Buffer.alloc(16 * MIB, 'N'));
    renameSync(`${path}.new`, path);
    const ended = new Promise((resolve) => socket.once('end', resolve));
    socket.resume();
    await soon('the end', ended);
    expect(count).to.be.above(16 * MIB);
    expect(others).to.equal(0);
  });

  it('outside their root are not reached, by no path and no link', async () => {
    const { proxy, port, root } = await stage(`
      location /bare { alias html/sub/; }
      location /try/ { try_files /$arg_f =404; }
      location /rooted/ { root html/$arg_r; }
      location /indexed/ { alias html/sub/; index $arg_i; }
      location /all/ { alias html/; disable_symlinks off; }
      location /link/ { alias html/inside/; }
    `);
    const outside = join(root, '../secret.txt');
    writeFileSync(outside, 'secret');
    mkdirSync(join(root, 'sub'));
    mkdirSync(join(root, 'rooted'));
    writeFileSync(join(root, 'sub/x.txt'), 'sub x');
    symlinkSync(outside, join(root, 'out.txt'));
    symlinkSync('..', join(root, 'up'));
    symlinkSync('sub', join(root, 'inside'));
    symlinkSync('../../secret.txt', join(root, 'sub/out.txt'));
    const statuses: Record<string, string> = {};
    const targets = [
      '/../secret.txt',
      '/%2e%2e/secret.txt',
      '/sub/..%2f..%2fsecret.txt',
      '/bare../../secret.txt',
      '/bare../index.html',
      '/try/?f=../secret.txt',
      '/try/?f=sub/../../secret.txt',
      '/rooted/x?r=..',
      '/indexed/?i=../../secret.txt',
      '/out.txt',
      '/up/secret.txt',
      '/sub/out.txt',
      '/link/out.txt',
      '/secret.txt%00',
    ];
    for (const target of targets) {
      const received = await exchangeRaw(port, ask(target));
      expect(received, target)
        .to.not.include('secret\n')
        .and.not.match(/\r\n\r\nsecret$/);
      statuses[target] = received.slice(9, 12);
    }
    expect(statuses).to.deep.equal({
      '/../secret.txt': '400',
      '/%2e%2e/secret.txt': '400',
      '/sub/..%2f..%2fsecret.txt': '400',
      '/bare../../secret.txt': '404',
      '/bare../index.html': '403',
      '/try/?f=../secret.txt': '404',
      '/try/?f=sub/../../secret.txt': '404',
      '/rooted/x?r=..': '403',
      '/indexed/?i=../../secret.txt': '403',
      '/out.txt': '403',
      '/up/secret.txt': '403',
      '/sub/out.txt': '403',
      '/link/out.txt': '403',
      '/secret.txt%00': '400',
    });
    // Links that stay inside are followed, and others where that is asked for.
    expect(await exchangeRaw(port, ask('/inside/x.txt'))).to.match(/\r\n\r\nsub x$/);
    expect(await exchangeRaw(port, ask('/link/x.txt'))).to.match(/\r\n\r\nsub x$/);
    expect(await exchangeRaw(port, ask('/all/out.txt'))).to.match(/\r\n\r\nsecret$/);
    expect(proxy.file('error.log')).to.include('only "disable_symlinks off" allows');
    expect(proxy.faults()).to.deep.equal([]);
  });

  it('go out at a rate, and are closed where the client does not wait for it', async () => {
    const { proxy, port, root } = await stage('location / { limit_rate 100k; limit_rate_after 50k; }');
    writeFileSync(join(root, 'some.bin'), randomBytes(250 * 1024));
    const begun = Date.now();
    const { octets } = await digest(port, '/some.bin');
    expect(octets).to.equal(250 * 1024);
    // 150k at once (the first second's share and what is free), and one second for the rest.
    expect(Date.now() - begun).to.be.within(900, 3500);
    const { socket } = await openRaw(port);
    socket.write(ask('/some.bin'));
    await pause(100);
    socket.destroy();
    await until('all files to be closed', () => openFiles(proxy.pid, root).length === 0);
    expect(proxy.faults()).to.deep.equal([]);
  });

  it('are the origin behind another server of the same file, as tests of nginx have it', async () => {
    const [origin] = await freePorts(1);
    const { port, root, proxy } = await stage(
      `location / { proxy_pass http://127.0.0.1:${origin}; }`,
      `root html; server { listen 127.0.0.1:${origin}; location / { } }`,
    );
    writeFileSync(join(root, 'a.txt'), 'origin');
    expect(await exchangeRaw(port, ask('/a.txt'))).to.match(/^HTTP\/1.1 200 OK\r\n[^]*\r\n\r\norigin$/);
    expect(await exchangeRaw(port, ask('/none'))).to.match(/^HTTP\/1.1 404 /);
    await until('both lines', () => proxy.file('access.log').split('\n').length === 5);
    expect(proxy.file('access.log')).to.match(/"GET \/a\.txt HTTP\/1\.1" 200 6 /);
  });

  it('that nobody has: log_not_found off says nothing', async () => {
    const { port, proxy } = await stage('location /quiet/ { log_not_found off; }');
    await exchangeRaw(port, ask('/quiet/x'));
    await exchangeRaw(port, ask('/loud/x'));
    const lines = proxy
      .file('error.log')
      .split('\n')
      .filter((line) => line.includes('No such file'));
    expect(lines).to.have.length(1);
    expect(lines[0]).to.match(
      /\[error\] \d+#\d+: \*\d+ open\(\) ".*\/html\/loud\/x" failed \(2: No such file or directory\), client: 127\.0\.0\.1, server: , request: "GET \/loud\/x HTTP\/1\.1", host: "a"$/,
    );
  });

  it('are served by the library, from the current directory or an absolute root', async () => {
    const root = temporaryFolder();
    writeFileSync(join(root, 'a.txt'), 'embedded');
    const text = `events {} http { server { listen 127.0.0.1:81; root ${root}; } }`;
    const proxy = createProxy({ config: await loadConfig(text) });
    onCleanUp(() => proxy.close());
    const { port } = await proxy.listen(0);
    expect(await exchangeRaw(port, ask('/a.txt'))).to.match(/\r\n\r\nembedded$/);
  });
});
