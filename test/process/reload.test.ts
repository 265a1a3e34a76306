/**
 * Reload and drain of real processes: under load without a lost answer, with faults that change nothing, and what tunnels
 * see of it.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { WebSocket, WebSocketServer } from 'ws';
import {
  cleanUp,
  freePort,
  onCleanUp,
  openRaw,
  pause,
  soon,
  startHttpUpstream,
  until,
} from '../e2e/harness.js';
import { configuration, Fleet } from './fleet.js';

/** What a client saw. */
interface Tally {
  answers: number;
  readonly failures: string[];
}

/** Asks over and over on one connection until told to stop; a connection that says close is followed by another. */
async function keepAsking(
  port: number,
  tally: Tally,
  goesOn: () => boolean,
  keepsAlive: boolean,
): Promise<void> {
  const request = `GET / HTTP/1.1\r\nHost: x\r\n${keepsAlive ? '' : 'Connection: close\r\n'}\r\n`;
  while (goesOn()) {
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      let text = '';
      let owed = true;
      const fail = (why: string): void => {
        tally.failures.push(`${why} behind ${JSON.stringify(text.slice(0, 60))}`);
        socket.destroy();
      };
      socket.on('connect', () => socket.write(request));
      socket.on('data', (octets) => {
        text += octets.toString('latin1');
        if (!/\r\n\r\n\d+$/.test(text)) return;
        tally.answers++;
        const isLast = /\r\nConnection: close\r\n/i.test(text);
        text = '';
        owed = !isLast && goesOn();
        if (owed) socket.write(request);
        else socket.end();
      });
      socket.on('end', () => {
        if (owed) fail('ended');
      });
      socket.on('error', (error) => fail(error.message));
      socket.on('close', () => resolve());
    });
  }
}

async function startEcho(): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (socket) => {
    socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }));
    socket.on('error', () => undefined);
  });
  await new Promise((resolve) => server.once('listening', resolve));
  onCleanUp(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

/** A client of the echo that counts what comes back. */
class Chatter {
  received = 0;
  sent = 0;
  closedWith = '';
  closedAt = 0;
  private constructor(readonly socket: WebSocket) {
    socket.on('message', () => this.received++);
    socket.on('close', (code, reason) => {
      this.closedWith = `${code} ${reason.toString()}`.trim();
      this.closedAt = performance.now();
    });
    socket.on('error', (error) => (this.closedWith = error.message));
  }

  static async open(port: number): Promise<Chatter> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    const chatter = new Chatter(socket);
    onCleanUp(() => socket.terminate());
    await soon('a handshake', new Promise((resolve) => socket.once('open', resolve)));
    return chatter;
  }

  send(text: string): void {
    this.sent++;
    this.socket.send(text);
  }
}

const TUNNEL = `proxy_pass http://127.0.0.1:ECHO; proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;`;

describe('reload', function () {
  // Several processes start in each of these; a loaded machine needs its time.
  this.timeout(60_000);
  afterEach(cleanUp);

  it('under load: no request is lost, tunnels go on, the new configuration answers', async () => {
    const echo = await startEcho();
    const tunnel = `location /ws { ${TUNNEL.replace('ECHO', String(echo))} }`;
    const fleet = await Fleet.start({ server: tunnel, main: 'worker_shutdown_timeout 20s;' });
    await fleet.untilWorkers(2);
    const chatters = await Promise.all(Array.from({ length: 200 }, () => Chatter.open(fleet.port)));
    const kept: Tally = { answers: 0, failures: [] };
    const fresh: Tally = { answers: 0, failures: [] };
    let asks = true;
    const clients = [
      ...Array.from({ length: 8 }, () => keepAsking(fleet.port, kept, () => asks, true)),
      ...Array.from({ length: 4 }, () => keepAsking(fleet.port, fresh, () => asks, false)),
    ];
    const old = new Set(fleet.workers);
    for (let i = 0; i < 3; i++) {
      for (const chatter of chatters) chatter.send('x'.repeat(100));
      await pause(100);
      await fleet.reload({ server: `${tunnel} add_header X-Round ${i};` });
    }
    for (const chatter of chatters) chatter.send('last');
    await pause(100);
    asks = false;
    await soon('the clients', Promise.all(clients), 10_000);
    expect(kept.failures).to.deep.equal([]);
    expect(fresh.failures).to.deep.equal([]);
    expect(kept.answers).to.be.greaterThan(100);
    expect(fresh.answers).to.be.greaterThan(20);
    const answers = kept.answers + fresh.answers;
    console.log(`        ${answers} requests and ${chatters.length} tunnels over three reloads, 0 failures`);
    await until('every echo', () => chatters.every(({ sent, received }) => sent === received));
    const headers = (await fetch(`http://127.0.0.1:${fleet.port}/`)).headers;
    expect(headers.get('x-round')).to.equal('2');
    // The workers of the first configuration still have the tunnels, and nothing else.
    expect(fleet.workers.some((pid) => old.has(pid))).to.equal(true);
    expect(fleet.command.faults()).to.deep.equal([]);
    for (const { socket } of chatters) socket.close();
    await until("the old workers' end", () => fleet.workers.every((pid) => !old.has(pid)));
  });

  it('a configuration with a fault changes nothing, and the log names file and line', async () => {
    const fleet = await Fleet.start();
    const pids = await fleet.untilWorkers(2);
    await fleet.reload('events {}\nhttp { foo bar; }\n');
    expect(fleet.errorLog).to.match(/\[emerg\] \d+#0: unknown directive "foo" in .*nginx\.conf:2/);
    expect(fleet.errorLog).to.include('the new configuration cannot be used: the old one stays in force');
    expect(fleet.workers).to.have.members(pids);
    expect(pids.map(String)).to.include(await fleet.ask());
    expect(fleet.command.stderr).to.equal('');
  });

  it('a worker that is replaced has the configuration in force, whatever the file says meanwhile', async () => {
    const fleet = await Fleet.start({ workers: 1 });
    const [first] = await fleet.untilWorkers(1);
    writeFileSync(join(fleet.folder, 'nginx.conf'), 'nonsense');
    process.kill(first, 'SIGKILL');
    await until('another', () => fleet.workers.some((pid) => pid !== first));
    expect(Number(await fleet.ask())).to.be.greaterThan(0);
  });

  it('ports come and go; one that is taken refuses the whole configuration', async () => {
    const fleet = await Fleet.start();
    await fleet.untilWorkers(2);
    const [second, taken] = [await freePort(), await freePort()];
    await fleet.reload({ server: `listen 127.0.0.1:${second};` });
    expect(await fleet.ask(second)).to.match(/^\d+$/);
    await fleet.reload({ server: '' });
    await until('the port to close', () =>
      openRaw(second).then(
        (one) => (one.socket.destroy(), false),
        () => true,
      ),
    );
    expect(await fleet.ask()).to.match(/^\d+$/);
    const { server } = await startHttpUpstream((_request, response) => response.end());
    const { port } = server.address() as { port: number };
    await fleet.reload({ server: `listen 127.0.0.1:${port}; listen 127.0.0.1:${taken};` });
    expect(fleet.errorLog).to.include(`bind() to 127.0.0.1:${port} failed (98: Address already in use)`);
    expect(fleet.errorLog).to.include('reload failed: the old configuration stays in force');
    let refused = false;
    await openRaw(taken).catch(() => (refused = true));
    expect(refused, 'nothing is left of it').to.equal(true);
    expect(await fleet.ask()).to.match(/^\d+$/);
  });

  it('more and fewer workers, another pid file, other logs; -s reload', async () => {
    const fleet = await Fleet.start({ workers: 1 });
    await fleet.untilWorkers(1);
    mkdirSync(join(fleet.folder, 'other'));
    const text = configuration(fleet.port, { workers: 3 });
    await fleet.reload(
      text.replace('pid wirehop.pid', 'pid other/new.pid').replace('access.log', 'other/access.log'),
    );
    await fleet.untilWorkers(3);
    await fleet.ask();
    expect(fleet.command.file('other/access.log')).to.include('"GET / HTTP/1.1" 200');
    expect(fleet.command.file('other/new.pid')).to.equal(`${fleet.command.pid}\n`);
    expect(existsSync(join(fleet.folder, 'wirehop.pid'))).to.equal(false);
    expect(await fleet.command.stop('SIGQUIT')).to.equal(0);
    expect(existsSync(join(fleet.folder, 'other/new.pid'))).to.equal(false);
  });

  it('websocket_drain: every client gets a Close frame between messages, spread over time', async () => {
    const echo = await startEcho();
    const drain = 'websocket_drain 1012 "reason=back soon" spread=1500ms timeout=3s;';
    const fleet = await Fleet.start({
      server: `location /ws { ${TUNNEL.replace('ECHO', String(echo))} ${drain} }`,
    });
    await fleet.untilWorkers(2);
    const chatters = await Promise.all(Array.from({ length: 60 }, () => Chatter.open(fleet.port)));
    const talk = setInterval(() => {
      for (const one of chatters) if (one.socket.readyState === WebSocket.OPEN) one.send('m'.repeat(3000));
    }, 20);
    onCleanUp(() => clearInterval(talk));
    await pause(200);
    await fleet.reload({});
    const begun = performance.now();
    await until("every tunnel's end", () => chatters.every(({ closedWith }) => closedWith !== ''), 15_000);
    expect(new Set(chatters.map(({ closedWith }) => closedWith))).to.deep.equal(new Set(['1012 back soon']));
    const times = chatters.map(({ closedAt }) => closedAt - begun).sort((a, b) => a - b);
    expect(times[45] - times[15], 'the middle half, ms').to.be.greaterThan(300);
    const log = fleet.errorLog.match(/\[info\].*Close frame sent to client.*websocket_drain/g) ?? [];
    expect(log).to.have.length(60);
    await fleet.untilWorkers(2);
    expect(fleet.command.faults()).to.deep.equal([]);
  });

  it('worker_shutdown_timeout cuts off what does not end', async () => {
    const echo = await startEcho();
    const fleet = await Fleet.start({
      main: 'worker_shutdown_timeout 500ms;',
      server: `location /ws { ${TUNNEL.replace('ECHO', String(echo))} }`,
    });
    await fleet.untilWorkers(2);
    const chatter = await Chatter.open(fleet.port);
    const begun = performance.now();
    await fleet.reload({});
    await until('its end', () => chatter.closedWith !== '');
    expect(performance.now() - begun).to.be.within(450, 5000);
    await fleet.untilLogged('worker_shutdown_timeout is over');
    await fleet.untilWorkers(2);
  });
});
