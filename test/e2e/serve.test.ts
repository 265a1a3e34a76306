/**
 * The command while it serves: start, ports, the pid file, signals, logs, flags alone.
 */
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  cleanUp,
  configurationFor,
  exchangeRaw,
  folderWith,
  freePort,
  freePorts,
  onCleanUp,
  onHeads,
  openRaw,
  pause,
  runCommand,
  runToEnd,
  soon,
  startProxy,
  startRawUpstream,
  temporaryFolder,
  until,
} from './harness.js';
const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

/** An upstream that answers with the request's head. */
async function startMirror(): Promise<number> {
  const { port } = await startRawUpstream((socket) => {
    onHeads(socket, (head) => {
      socket.write(`HTTP/1.1 200 OK\r\nServer: mirror\r\nContent-Length: ${head.length}\r\n\r\n${head}`);
    });
  });
  return port;
}

describe('command: serves', () => {
  afterEach(cleanUp);

  it('writes its own pid when every port is bound, serves, and removes the file at the end', async () => {
    const [first, second] = await freePorts(2);
    const text = configurationFor({ listen: first, upstream: `127.0.0.1:${await startMirror()}` });
    const proxy = await startProxy(text.replace('listen ', `listen 127.0.0.1:${second};\n        listen `));
    expect(proxy.file('wirehop.pid')).to.equal(`${proxy.pid}\n`);
    for (const port of [first, second])
      expect(await exchangeRaw(port, GET)).to.match(/^HTTP\/1\.1 200 OK\r\n/);
    expect(await proxy.stop('SIGTERM')).to.equal(0);
    expect(existsSync(join(proxy.folder, 'wirehop.pid'))).to.equal(false);
    expect([proxy.stdout, proxy.stderr]).to.deep.equal(['', '']);
  });

  it('a port in use: one clear line each, exit code 1, no pid file, nothing left open', async () => {
    const [free, busy] = await freePorts(2);
    const blocker = createServer().listen(busy, '127.0.0.1');
    onCleanUp(() => new Promise((resolve) => blocker.close(resolve)));
    const text = configurationFor({ listen: free, upstream: '127.0.0.1:1' });
    const folder = folderWith({
      'nginx.conf': text.replace('listen ', `listen 127.0.0.1:${busy};\n        listen `),
    });
    const { code, stdout, stderr } = await runToEnd(
      ['-p', folder, '-c', 'nginx.conf', '-e', 'error.log'],
      folder,
    );
    expect(stderr).to.equal(
      `wirehop: [emerg] bind() to 127.0.0.1:${busy} failed (98: Address already in use)\n`,
    );
    expect([code, stdout]).to.deep.equal([1, '']);
    expect(existsSync(join(folder, 'wirehop.pid'))).to.equal(false);
    expect(readFileSync(join(folder, 'error.log'), 'utf8')).to.match(
      /\[emerg\] \d+#0: bind\(\) to 127\.0\.0\.1:\d+ failed/,
    );
  });

  it('takes a stale unix socket over, and leaves one that is served', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'listen.sock');
    const text = configurationFor({ listen: `unix:${path}`, upstream: `127.0.0.1:${await startMirror()}` });
    const first = await startProxy(text, folder);
    first.kill('SIGKILL');
    await first.exited;
    expect(existsSync(path), 'the stale socket').to.equal(true);

    const second = await startProxy(text, folder);
    expect(await exchangeRaw(path, GET)).to.match(/^HTTP\/1\.1 200 OK\r\n/);
    const { code, stderr } = await runToEnd(['-p', folder, '-c', 'nginx.conf', '-e', 'error.log'], folder);
    expect(stderr).to.equal(`wirehop: [emerg] bind() to unix:${path} failed (98: Address already in use)\n`);
    expect(code).to.equal(1);
    expect(await exchangeRaw(path, GET)).to.match(/^HTTP\/1\.1 200 OK\r\n/);
    expect(await second.stop()).to.equal(0);
    expect(existsSync(path), 'the socket after the end').to.equal(false);
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal} ends everything at once, open connections too`, async () => {
      const upstream = await startRawUpstream((socket) => socket.resume());
      const port = await freePort();
      const proxy = await startProxy(
        configurationFor({ listen: port, upstream: `127.0.0.1:${upstream.port}` }),
      );
      const down = await openRaw(port);
      down.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await until('the request at the upstream', () => upstream.sockets.size === 1);
      const begun = Date.now();
      expect(await proxy.stop(signal)).to.equal(0);
      expect(Date.now() - begun).to.be.lessThan(2000);
      await down.untilEnd();
    });
  }

  it('SIGQUIT: no new connections, idle ones close, answers still owed carry Connection: close', async () => {
    const upstream = await startRawUpstream((socket) => {
      onHeads(socket, (head) => {
        const answer = (): unknown => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone');
        if (head.startsWith('GET /slow')) setTimeout(answer, 500);
        else answer();
      });
    });
    const port = await freePort();
    const proxy = await startProxy(
      configurationFor({ listen: port, upstream: `127.0.0.1:${upstream.port}` }),
    );
    const idle = await openRaw(port);
    idle.write('GET /fast HTTP/1.1\r\nHost: x\r\n\r\n');
    await idle.until('done');
    const busy = await openRaw(port);
    busy.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
    await pause(100);

    proxy.kill('SIGQUIT');
    await idle.untilEnd();
    await until('connections to be refused', () =>
      openRaw(port).then(
        (connection) => {
          connection.socket.destroy();
          return false;
        },
        () => true,
      ),
    );
    expect(proxy.ended, 'still busy').to.equal(false);
    const received = await busy.untilEnd();
    expect(received).to.match(/^connection: close\r$/im);
    expect(received).to.match(/\r\n\r\ndone$/);
    expect(await soon('the end', proxy.exited)).to.equal(0);
    expect(existsSync(join(proxy.folder, 'wirehop.pid'))).to.equal(false);
    expect(proxy.stderr).to.equal('');
  });

  it('SIGQUIT is bounded by worker_shutdown_timeout', async () => {
    const upstream = await startRawUpstream((socket) => socket.resume());
    const port = await freePort();
    const text = configurationFor({ listen: port, upstream: `127.0.0.1:${upstream.port}` });
    const proxy = await startProxy(`worker_shutdown_timeout 1s;\n${text}`);
    const down = await openRaw(port);
    down.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('the request at the upstream', () => upstream.sockets.size === 1);
    const begun = Date.now();
    expect(await proxy.stop('SIGQUIT')).to.equal(0);
    expect(Date.now() - begun).to.be.within(900, 4000);
  });

  it('an error that nobody foresaw: [alert] with its stack in the error log, exit code 1, no pid file', async () => {
    const text = configurationFor({ listen: await freePort(), upstream: '127.0.0.1:1' });
    // The one way in from outside: a module loaded in front of the command, which throws on a signal.
    const trap = `process.on('SIGPROF', () => { throw new Error('made by the test'); })`;
    const proxy = await startProxy(text, temporaryFolder(), {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(trap)}`,
    });
    expect(await proxy.stop('SIGPROF')).to.equal(1);
    expect(proxy.file('error.log')).to.match(/\[alert\] \d+#0: [^\n]*made by the test\n +at /);
    expect(existsSync(join(proxy.folder, 'wirehop.pid'))).to.equal(false);
    expect([proxy.stdout, proxy.stderr]).to.deep.equal(['', '']);
  });

  it('SIGUSR1 reopens the logs; SIGHUP and SIGUSR2 are answered by a notice, and nothing ends', async () => {
    const port = await freePort();
    const text = configurationFor({ listen: port, upstream: `127.0.0.1:${await startMirror()}` });
    const proxy = await startProxy(text);
    await exchangeRaw(port, GET);
    for (const log of ['access.log', 'error.log'])
      renameSync(join(proxy.folder, log), join(proxy.folder, `${log}.1`));
    proxy.kill('SIGUSR1');
    await until('new logs', () =>
      ['access.log', 'error.log'].every((log) => existsSync(join(proxy.folder, log))),
    );
    await exchangeRaw(port, GET);
    expect(proxy.file('access.log').match(/\n/g)).to.have.length(1);
    expect(proxy.file('access.log.1').match(/\n/g)).to.have.length(1);
    for (const [signal, words] of [
      ['SIGHUP', 'without a master process nothing is reloaded'],
      ['SIGUSR2', 'cannot replace its binary'],
    ] as const) {
      proxy.kill(signal);
      await until(`a notice about ${signal}`, () => proxy.file('error.log').includes(words));
    }
    proxy.kill('SIGWINCH');
    expect(await exchangeRaw(port, GET)).to.match(/^HTTP\/1\.1 200 OK\r\n/);
    // USR1 must not have opened Node's inspector, which says so on stderr.
    expect(proxy.faults()).to.deep.equal([]);
  });

  it('-s stop, quit, reopen and reload signal the process in the pid file', async () => {
    const port = await freePort();
    const text = configurationFor({ listen: port, upstream: '127.0.0.1:1' });
    const folder = temporaryFolder();
    for (const [signal, stops] of [
      ['reopen', false],
      ['reload', false],
      ['quit', true],
      ['stop', true],
    ] as const) {
      const proxy = await startProxy(text, folder);
      const args = ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr', '-s', signal];
      const { code, stderr } = await runToEnd(args);
      expect(code, signal).to.equal(0);
      expect(stderr).to.equal('');
      if (!stops) {
        expect(proxy.ended).to.equal(false);
        await proxy.stop();
      } else {
        expect(await soon(`the end by -s ${signal}`, proxy.exited)).to.equal(0);
        const again = await runToEnd(args);
        expect(again.code).to.equal(1);
        expect(again.stderr).to.equal(
          `wirehop: [error] open() "${join(folder, 'wirehop.pid')}" failed (2: No such file or directory)\n`,
        );
      }
    }
  });
});

describe('command: flags alone', () => {
  afterEach(cleanUp);

  /** Starts `--listen --upstream` and waits for the port. */
  async function start(
    listen: string,
    upstream: string,
    ...more: string[]
  ): Promise<ReturnType<typeof runCommand>> {
    const command = runCommand(['--listen', listen, '--upstream', upstream, ...more]);
    const to = listen.startsWith('unix:') ? listen.slice(5) : Number(/\d+$/.exec(listen)?.[0]);
    await until('the port', () => {
      if (command.ended) throw new Error(command.stderr);
      return openRaw(to, listen.startsWith('[::1]') ? { host: '::1' } : {}).then(
        (connection) => (connection.socket.destroy(), true),
        () => false,
      );
    });
    return command;
  }

  it('proxies requests with the forwarded fields, and says nothing', async () => {
    const port = await freePort();
    const command = await start(String(port), `http://127.0.0.1:${await startMirror()}`);
    const received = await exchangeRaw(port, GET.replace('localhost', `localhost:${port}`));
    expect(received).to.match(/^HTTP\/1\.1 200 OK\r\n/);
    expect(received).to.match(/^Server: mirror\r$/m);
    for (const line of [
      `Host: localhost:${port}`,
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Proto: http',
      `X-Forwarded-Host: localhost:${port}`,
      'X-Real-IP: 127.0.0.1',
    ]) {
      expect(received.split('\r\n')).to.include(line);
    }
    expect(received.slice(received.indexOf('\r\n\r\n'))).not.to.match(/^connection:/im);
    expect(command.faults()).to.deep.equal([]);
    expect(await command.stop('SIGINT')).to.equal(0);
  });

  it('proxies WebSocket handshakes', async () => {
    const upstream = await startRawUpstream((socket) => {
      socket.once('data', (octets) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
        socket.write(octets);
      });
    });
    const port = await freePort();
    await start(`127.0.0.1:${port}`, `127.0.0.1:${upstream.port}`);
    const down = await openRaw(port);
    down.write('GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    const received = await down.until(/GET \/ws HTTP\/1\.1[^]*\r\n\r\n$/);
    expect(received).to.match(/^Upgrade: websocket\r$/m);
    expect(received).to.match(/^Connection: upgrade\r$/m);
  });

  it('unix sockets on both sides, a path in front, an access log', async () => {
    const folder = temporaryFolder();
    const upstreamPath = join(folder, 'up stream.sock');
    await startRawUpstream(
      (socket) => {
        onHeads(socket, (head) =>
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${head.length}\r\n\r\n${head}`),
        );
      },
      { path: upstreamPath },
    );
    const listenPath = join(folder, 'listen "x".sock');
    const log = join(folder, 'requests.log');
    await start(`unix:${listenPath}`, `unix:${upstreamPath}`, '--access-log', log);
    expect(await exchangeRaw(listenPath, GET)).to.match(/\r\n\r\nGET \/ HTTP\/1\.1\r\n/);
    expect(readFileSync(log, 'utf8')).to.match(/"GET \/ HTTP\/1\.1" 200 /);

    const port = await freePort();
    await start(`[::1]:${port}`, `http://127.0.0.1:${await startMirror()}/base/`);
    const answer = await fetch(`http://[::1]:${port}/x?y`);
    expect(await answer.text()).to.match(/^GET \/base\/x\?y HTTP\/1\.1\r\n/);
  });

  it('-T shows the configuration behind the flags, which works with -c', async () => {
    const port = await freePort();
    const { code, stdout } = await runToEnd([
      '-Tq',
      '--listen',
      `127.0.0.1:${port}`,
      '--upstream',
      `127.0.0.1:${await startMirror()}`,
    ]);
    expect(code).to.equal(0);
    expect(stdout).to.include('proxy_set_header Upgrade $http_upgrade;');
    await startProxy(`daemon off;\npid wirehop.pid;\n${stdout}`);
    expect(await exchangeRaw(port, GET)).to.match(/^HTTP\/1\.1 200 OK\r\n/);
  });
});
