/**
 * A master and its workers, as real processes: what nginx's signals do, workers that die, whom workers run as.
 */
import { chmodSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  cleanUp,
  folderWith,
  freePort,
  onCleanUp,
  openRaw,
  pause,
  runCommand,
  runToEnd,
  soon,
  startHttpUpstream,
  temporaryFolder,
  until,
} from '../e2e/harness.js';
import { childrenOf, configuration, Fleet } from './fleet.js';

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const IS_ROOT = process.getuid?.() === 0;

/** A line of /proc/PID/status. */
function statusOf(pid: number, key: string): string {
  const line = readFileSync(`/proc/${pid}/status`, 'latin1').split('\n');
  return (
    line
      .find((one) => one.startsWith(`${key}:`))
      ?.slice(key.length + 1)
      .trim() ?? ''
  );
}

describe('workers', function () {
  // Several processes start in each of these; a loaded machine needs its time.
  this.timeout(60_000);
  afterEach(cleanUp);

  it("serve on the master's sockets, which the pid file names; TERM ends all", async () => {
    const fleet = await Fleet.start({ workers: 2 });
    const pids = await fleet.untilWorkers(2);
    expect(fleet.command.file('wirehop.pid')).to.equal(`${fleet.command.pid}\n`);
    const asked = new Set<number>();
    await until('an answer of each worker', async () => asked.add(Number(await fleet.ask())).size === 2);
    expect([...asked]).to.have.members(pids);
    const open = await openRaw(fleet.port);
    const begun = Date.now();
    expect(await fleet.command.stop('SIGTERM')).to.equal(0);
    expect(Date.now() - begun).to.be.lessThan(4000);
    await open.untilEnd();
    expect(existsSync(join(fleet.folder, 'wirehop.pid'))).to.equal(false);
    for (const pid of pids) expect(existsSync(`/proc/${pid}`), String(pid)).to.equal(false);
    expect(fleet.errorLog).to.match(/worker process \d+ exited with code 0/);
    expect([fleet.command.stdout, fleet.command.stderr]).to.deep.equal(['', '']);
  });

  it('one worker is the default, and behaves like many', async () => {
    const folder = temporaryFolder();
    const port = await freePort();
    writeFileSync(join(folder, 'nginx.conf'), configuration(port, {}).replace('worker_processes 2;', ''));
    const command = runCommand(['-p', folder, '-c', 'nginx.conf', '-e', 'error.log'], folder);
    await until('the pid file', () => existsSync(join(folder, 'wirehop.pid')), 10_000);
    const answer = await (await fetch(`http://127.0.0.1:${port}/`)).text();
    expect(Number(answer)).not.to.equal(command.pid);
    expect(await command.stop('SIGQUIT')).to.equal(0);
  });

  it('a killed worker is replaced, the others serve on, and only its own connections end', async () => {
    const upstream = await startHttpUpstream((request, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      if (request.url === '/slow') response.write('x');
      else response.end('x'.repeat(1000));
    });
    const http = `upstream u { server 127.0.0.1:${upstream.port}; }`;
    const location = 'proxy_pass http://u; add_header X-Pid $pid;';
    const fleet = await Fleet.start({ http, location });
    await fleet.untilWorkers(2);
    const connections = [];
    for (let i = 0; i < 12; i++) {
      const connection = await openRaw(fleet.port);
      connection.write(GET.replace('/', '/slow'));
      const [, pid] = /X-Pid: (\d+)/.exec(await connection.until(/\r\n\r\nx/)) ?? [];
      connections.push({ connection, pid: Number(pid) });
    }
    const victim = connections[0].pid;
    process.kill(victim, 'SIGKILL');
    const begun = performance.now();
    await until('its replacement', () => fleet.workers.filter((pid) => pid !== victim).length === 2);
    await fleet.untilLogged(/worker process \d+ exited on signal 9\n(.*\n)*.*start worker process/);
    expect(performance.now() - begun).to.be.lessThan(3000);
    for (const { connection, pid } of connections) {
      if (pid === victim) await connection.untilEnd();
      else expect([connection.ended, connection.closed]).to.deep.equal([false, false]);
    }
    const replaced = new Set<string>();
    await until('an answer of the replacement', async () => {
      const connection = await openRaw(fleet.port);
      connection.write(GET);
      replaced.add(/X-Pid: (\d+)/.exec(await connection.until(/\r\n\r\nx/))?.[1] ?? '');
      connection.socket.destroy();
      return replaced.size === 2;
    });
    expect(replaced).not.to.include(String(victim));
    console.log(`        the replacement has answered after ${Math.round(performance.now() - begun)} ms`);
  });

  it('the only worker is killed: connections wait for its replacement, none is refused', async () => {
    const fleet = await Fleet.start({ workers: 1 });
    const [victim] = await fleet.untilWorkers(1);
    process.kill(victim, 'SIGKILL');
    const answers = await Promise.all(Array.from({ length: 20 }, () => fleet.ask()));
    expect(new Set(answers)).not.to.include(String(victim));
  });

  it('workers that keep dying are started ever more slowly, and the log says so', async () => {
    const fleet = await Fleet.start({ workers: 1 });
    for (let i = 0; i < 5; i++) {
      await fleet.untilWorkers(1);
      process.kill(fleet.workers[0], 'SIGKILL');
      await until('its end', () => fleet.errorLog.split('exited on signal 9').length === i + 2);
    }
    await fleet.untilLogged(
      'workers keep ending soon after they began (4 in a row): the next one starts in 100 ms',
    );
    await fleet.untilLogged('(5 in a row): the next one starts in 200 ms');
    expect(await fleet.ask()).to.match(/^\d+$/);
    expect(await fleet.command.stop('SIGQUIT')).to.equal(0);
  });

  it('a worker that is told to end by a signal of its own is replaced', async () => {
    const fleet = await Fleet.start({ workers: 1 });
    const [first] = await fleet.untilWorkers(1);
    process.kill(first, 'SIGQUIT');
    await until('another worker', () => fleet.workers.some((pid) => pid !== first));
    expect(Number(await fleet.ask())).not.to.equal(first);
  });

  it('end when their master is killed: nothing holds the port', async () => {
    const fleet = await Fleet.start({ workers: 2 });
    const pids = await fleet.untilWorkers(2);
    fleet.command.kill('SIGKILL');
    await until("the workers' end", () => pids.every((pid) => !existsSync(`/proc/${pid}`)));
    expect(fleet.errorLog).to.include('the master process is gone');
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(fleet.port, '127.0.0.1', resolve);
    });
    onCleanUp(() => server.close());
  });

  it('QUIT: answers under way are finished, idle connections close, nothing is accepted', async () => {
    const upstream = await startHttpUpstream((request, response) => {
      setTimeout(() => response.end('done'), request.url === '/slow' ? 600 : 0);
    });
    const fleet = await Fleet.start({
      http: `upstream u { server 127.0.0.1:${upstream.port}; }`,
      location: 'proxy_pass http://u;',
    });
    await fleet.untilWorkers(2);
    const idle = await openRaw(fleet.port);
    idle.write(GET);
    await idle.until('done');
    await pause(150);
    const busy = await openRaw(fleet.port);
    busy.write(GET.replace('/', '/slow'));
    await pause(100);
    fleet.command.kill('SIGQUIT');
    await idle.untilEnd();
    await until('connections to be refused', () =>
      openRaw(fleet.port).then(
        (connection) => (connection.socket.destroy(), false),
        () => true,
      ),
    );
    expect(await busy.untilEnd())
      .to.match(/^connection: close\r$/im)
      .and.to.match(/done/);
    expect(await soon('the end', fleet.command.exited)).to.equal(0);
  });

  it('USR1 opens the logs of all workers anew', async () => {
    const fleet = await Fleet.start();
    await fleet.untilWorkers(2);
    renameSync(join(fleet.folder, 'access.log'), join(fleet.folder, 'access.log.1'));
    fleet.command.kill('SIGUSR1');
    await until('every worker', () => (fleet.errorLog.match(/\d#0: reopening logs/g) ?? []).length === 2);
    const seen = new Set<string>();
    await until('both workers', async () => seen.add(await fleet.ask()).size === 2);
    expect(fleet.command.file('access.log.1')).to.equal('');
    expect(fleet.command.file('access.log')).to.match(/"GET \/ HTTP\/1.1" 200/);
  });

  it("USR2 is refused with a hint; WINCH in the foreground is a terminal's", async () => {
    const fleet = await Fleet.start();
    fleet.command.kill('SIGUSR2');
    await fleet.untilLogged('cannot replace its binary while it serves');
    fleet.command.kill('SIGWINCH');
    await pause(100);
    expect(await fleet.ask()).to.match(/^\d+$/);
    expect(fleet.errorLog).not.to.include('SIGWINCH');
  });

  for (const signal of ['SIGTERM', 'SIGQUIT'] as const) {
    it(`${signal} before a worker serves: exit code 0, no complaint, no pid file, no process`, async () => {
      const folder = folderWith({ 'nginx.conf': configuration(await freePort(), {}) });
      const command = runCommand(['-p', folder, '-c', 'nginx.conf', '-e', 'error.log'], folder);
      await until('the first worker', () => command.file('error.log').includes('start worker process '));
      const workers = childrenOf(command.pid);
      expect(await command.stop(signal)).to.equal(0);
      expect(command.stderr).to.equal('');
      expect(command.file('error.log')).not.to.match(/\[(emerg|alert|crit|error)\]/);
      expect(existsSync(join(folder, 'wirehop.pid'))).to.equal(false);
      for (const pid of workers) expect(existsSync(`/proc/${pid}`)).to.equal(false);
    });
  }

  it('a port in use: one line, exit code 1, no pid file, no process', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onCleanUp(() => server.close());
    const { port } = server.address() as { port: number };
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'nginx.conf'), configuration(port, {}));
    const { code, stderr } = await runToEnd(['-p', folder, '-c', 'nginx.conf', '-e', 'error.log'], folder);
    expect(code).to.equal(1);
    expect(stderr).to.equal(
      `wirehop: [emerg] bind() to 127.0.0.1:${port} failed (98: Address already in use)\n`,
    );
    expect(existsSync(join(folder, 'wirehop.pid'))).to.equal(false);
  });

  it('unix sockets: open to everybody, gone with the master, taken over from a master that was killed', async () => {
    const server = 'listen unix:here.sock;';
    const folder = temporaryFolder();
    const path = join(folder, 'here.sock');
    const text = server.replace('here.sock', path);
    const fleet = await Fleet.start({ server: text }, folder);
    expect(statSync(path).mode & 0o777).to.equal(0o666);
    const ask = async (): Promise<string> => {
      const connection = await openRaw(path);
      connection.write(GET);
      const received = await connection.until(/\r\n\r\n\d+/);
      connection.socket.destroy();
      return received;
    };
    await ask();
    const pids = await fleet.untilWorkers(2);
    fleet.command.kill('SIGKILL');
    await until("the workers' end", () => pids.every((pid) => !existsSync(`/proc/${pid}`)));
    expect(existsSync(path), 'left behind').to.equal(true);
    const next = await Fleet.start({ server: text }, folder);
    await ask();
    expect(next.errorLog).to.include('removed the stale socket');
    expect(await next.command.stop('SIGTERM')).to.equal(0);
    expect(existsSync(path)).to.equal(false);
  });

  it('worker_priority, worker_rlimit_nofile', async () => {
    const fleet = await Fleet.start({ main: 'worker_priority 7; worker_rlimit_nofile 777;', workers: 1 });
    const [pid] = await fleet.untilWorkers(1);
    expect(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ')[16]).to.equal('7');
    expect(readFileSync(`/proc/${pid}/limits`, 'latin1')).to.match(/Max open files +777 +777 /);
    // 1024 worker_connections cannot be had.
    expect(fleet.errorLog).to.include('1024 worker_connections exceed open file resource limit: 777');
    expect(await fleet.ask()).to.equal(String(pid));
  });

  it('user: workers give up the rights of root, and can still open their logs anew', async function () {
    if (!IS_ROOT) this.skip();
    const folder = temporaryFolder();
    chmodSync(folder, 0o755);
    const fleet = await Fleet.start({ main: 'user nobody nogroup;' }, folder);
    const pids = await fleet.untilWorkers(2);
    await fleet.ask();
    for (const pid of pids) {
      const uid = statusOf(pid, 'Uid').split(/\s+/);
      expect(new Set(uid).size, 'real, effective, saved').to.equal(1);
      expect(uid[0]).not.to.equal('0');
      expect(statusOf(pid, 'CapEff')).to.match(/^0+$/);
    }
    renameSync(join(folder, 'access.log'), join(folder, 'access.log.1'));
    fleet.command.kill('SIGUSR1');
    await until('every worker', () => (fleet.errorLog.match(/\d#0: reopening logs/g) ?? []).length === 2);
    await fleet.ask();
    expect(fleet.command.file('access.log')).to.match(/"GET \/ HTTP\/1.1" 200/);
    expect(String(statSync(join(folder, 'access.log')).uid)).to.equal(
      statusOf(pids[0], 'Uid').split(/\s+/)[0],
    );
    expect(fleet.command.faults()).to.deep.equal([]);
  });
});
