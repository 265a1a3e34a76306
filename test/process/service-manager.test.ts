/**
 * Beside whom the command runs: in the background, under a service manager that hands it sockets and wants to be told.
 */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import {
  cleanUp,
  Command,
  exchangeRaw,
  freePort,
  onCleanUp,
  pause,
  runToEnd,
  soon,
  temporaryFolder,
  until,
} from '../e2e/harness.js';
import { configuration } from './fleet.js';

const COMMAND = fileURLToPath(new URL('../../src/process/main.js', import.meta.url));
const GET = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

describe('daemon on', function () {
  // Several processes start in each of these; a loaded machine needs its time.
  this.timeout(60_000);
  afterEach(cleanUp);

  /** Runs a configuration as a daemon; answers its folder and what the command said. */
  async function start(
    main: string,
    port: number,
  ): Promise<{ folder: string; code: unknown; stderr: string }> {
    const folder = temporaryFolder();
    const text = configuration(port, { workers: 1, main }).replace('daemon off', 'daemon on');
    writeFileSync(join(folder, 'nginx.conf'), text);
    onCleanUp(() => {
      try {
        process.kill(Number(readFileSync(join(folder, 'wirehop.pid'), 'latin1')), 'SIGKILL');
      } catch {
        // It has ended.
      }
    });
    const { code, stderr } = await runToEnd(['-p', folder, '-c', 'nginx.conf', '-e', 'error.log'], folder);
    return { folder, code, stderr };
  }

  for (const main of ['', 'master_process off;']) {
    it(`the command ends when the daemon serves, which is a session of its own (${main})`, async () => {
      const port = await freePort();
      const { folder, code, stderr } = await start(main, port);
      expect([code, stderr]).to.deep.equal([0, '']);
      const pid = Number(readFileSync(join(folder, 'wirehop.pid'), 'latin1'));
      expect(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ')[3], 'session').to.equal(
        String(pid),
      );
      expect(await exchangeRaw(port, GET)).to.match(/^HTTP\/1\.1 200/);
      const args = ['-p', folder, '-c', 'nginx.conf', '-e', 'error.log', '-s', 'quit'];
      expect((await runToEnd(args, folder)).code).to.equal(0);
      await until('its end', () => !isAlive(pid));
    });
  }

  it('a fault at the start is told by the command, exit code 1', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onCleanUp(() => server.close());
    const { port } = server.address() as { port: number };
    const { folder, code, stderr } = await start('', port);
    expect([code, stderr]).to.deep.equal([
      1,
      `wirehop: [emerg] bind() to 127.0.0.1:${port} failed (98: Address already in use)\n`,
    ]);
    expect(existsSync(join(folder, 'wirehop.pid'))).to.equal(false);
  });

  it('WINCH: workers end, connections wait; HUP: workers begin again', async () => {
    const port = await freePort();
    const { folder } = await start('', port);
    const pid = Number(readFileSync(join(folder, 'wirehop.pid'), 'latin1'));
    const log = (): string => readFileSync(join(folder, 'error.log'), 'utf8');
    process.kill(pid, 'SIGWINCH');
    await until("the worker's end", () => /worker process \d+ exited with code 0/.test(log()));
    const waiting = exchangeRaw(port, GET, 10_000);
    await pause(100);
    process.kill(pid, 'SIGHUP');
    expect(await waiting).to.match(/^HTTP\/1\.1 200/);
    process.kill(pid, 'SIGTERM');
    await until('its end', () => !isAlive(pid));
  });
});

describe('service manager', function () {
  // Several processes start in each of these; a loaded machine needs its time.
  this.timeout(60_000);
  afterEach(cleanUp);

  /** Runs the command through a shell that knows its pid, with `sockets` from descriptor 3 on. */
  function run(folder: string, environment: string, sockets: readonly number[] = [], path = ''): Command {
    const line = `${environment} exec "$@"`;
    const flags = [process.execPath, COMMAND, '-p', folder, '-c', 'nginx.conf', '-e', 'error.log'];
    const child = spawn('/bin/sh', ['-c', line, 'sh', ...flags], {
      cwd: folder,
      env: { ...process.env, PATH: `${path}:${process.env.PATH}` },
      stdio: ['ignore', 'pipe', 'pipe', ...sockets],
    });
    const command = new Command(child, folder);
    onCleanUp(() => (command.ended ? undefined : command.stop('SIGKILL')));
    return command;
  }

  const serves = (command: Command): Promise<void> =>
    until(
      'the pid file',
      () => {
        if (command.ended) throw new Error(`ended: ${command.stderr}`);
        return command.file('wirehop.pid') !== '';
      },
      10_000,
    );

  /** A listening socket's descriptor. */
  async function listening(path?: string): Promise<{ server: Server; fd: number; port: number }> {
    const server = createServer();
    await new Promise<void>((resolve) =>
      path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve),
    );
    onCleanUp(() => server.close());
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    return { server, fd, port: (server.address() as { port?: number }).port ?? 0 };
  }

  it('LISTEN_FDS: sockets that were handed over are served, over a reload too', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'in.sock');
    const [tcp, unix, other] = [await listening(), await listening(path), await listening()];
    const text = configuration(tcp.port, { server: `listen unix:${path};` });
    writeFileSync(join(folder, 'nginx.conf'), text);
    const command = run(folder, 'LISTEN_PID=$$ LISTEN_FDS=3', [tcp.fd, unix.fd, other.fd]);
    await serves(command);
    // What this process still has of them must not take the connections.
    for (const { server } of [tcp, other]) server.close();
    expect(await exchangeRaw(tcp.port, GET)).to.match(/^HTTP\/1\.1 200/);
    command.kill('SIGHUP');
    await until(
      'the reload',
      () => command.file('error.log').includes('the new configuration is in force'),
      10_000,
    );
    expect(await exchangeRaw(tcp.port, GET)).to.match(/^HTTP\/1\.1 200/);
    expect(command.file('error.log')).to.include(
      `the socket of 127.0.0.1:${other.port} was handed over, and no server listens there`,
    );
    expect(command.file('error.log')).not.to.include(`${path} was handed over`);
    expect(await command.stop('SIGQUIT')).to.equal(0);
  });

  it('LISTEN_FDS of another process is none of ours', async () => {
    const folder = temporaryFolder();
    const port = await freePort();
    writeFileSync(join(folder, 'nginx.conf'), configuration(port, { workers: 1 }));
    const command = run(folder, 'LISTEN_PID=1 LISTEN_FDS=1');
    await serves(command);
    expect(await exchangeRaw(port, GET)).to.match(/^HTTP\/1\.1 200/);
  });

  it('NOTIFY_SOCKET: told when it serves, reloads, and ends, by systemd-notify', async () => {
    const folder = temporaryFolder();
    const port = await freePort();
    writeFileSync(join(folder, 'nginx.conf'), configuration(port, { workers: 1 }));
    const told = join(folder, 'told');
    writeFileSync(join(folder, 'systemd-notify'), `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >>${told}\n`);
    chmodSync(join(folder, 'systemd-notify'), 0o755);
    const command = run(folder, 'NOTIFY_SOCKET=/run/x', [], folder);
    await serves(command);
    const said = (): string =>
      command
        .file('told')
        .replace(/USEC=\d+/g, 'USEC=N')
        .replaceAll(String(command.pid), 'PID');
    await until('READY', () => said() === '/run/x READY=1 MAINPID=PID\n');
    command.kill('SIGHUP');
    const reloaded = `/run/x READY=1 MAINPID=PID\n/run/x RELOADING=1 MONOTONIC_USEC=N\n/run/x READY=1 MAINPID=PID\n`;
    await until('RELOADING and READY', () => said() === reloaded, 10_000);
    expect(await command.stop('SIGTERM')).to.equal(0);
    await until('STOPPING', () => said() === `${reloaded}/run/x STOPPING=1\n`);
  });

  it('NOTIFY_SOCKET without systemd-notify: a warning, once, and service goes on', async () => {
    const folder = temporaryFolder();
    const port = await freePort();
    writeFileSync(join(folder, 'nginx.conf'), configuration(port, { workers: 1 }));
    const command = run(folder, `NOTIFY_SOCKET=/run/x PATH=${folder}`);
    await serves(command);
    await until('a warning', () => command.file('error.log').includes('cannot be told "READY=1"'));
    expect(await exchangeRaw(port, GET)).to.match(/^HTTP\/1\.1 200/);
    command.kill('SIGTERM');
    await soon('the end', command.exited);
    expect(command.file('error.log').match(/cannot be told/g)).to.have.length(1);
  });
});
