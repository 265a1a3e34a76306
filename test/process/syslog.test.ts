/** Proves the form of the datagrams that a syslog server gets, and which lines it gets. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { expect } from 'chai';
import { syslogOpener } from '../../src/process/syslog.js';

describe('syslog', () => {
  let server: dgram.Socket;
  let port: number;
  const received: string[] = [];

  beforeEach(async () => {
    received.length = 0;
    server = dgram.createSocket('udp4');
    server.on('message', (message) => received.push(message.toString('latin1')));
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(() => void server.close());

  const target = (): Parameters<ReturnType<typeof syslogOpener>>[0] => ({
    host: '127.0.0.1',
    port,
    facility: 23,
    severity: 6,
    tag: 'nginx',
    hasHostName: true,
  });
  const lines = async (count: number): Promise<string[]> => {
    const deadline = Date.now() + 2000;
    while (received.length < count && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 5));
    return received;
  };

  it('an access line: priority of facility and severity, time, host, tag', async () => {
    syslogOpener()(target()).write('GET / \u00e9');
    const [line] = await lines(1);
    expect(line).to.match(/^<190>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d /);
    expect(line.slice('<190>Nov 22 15:04:05 '.length)).to.equal(`${hostname()} nginx: GET / \u00e9`);
  });

  it('error lines: each with its own severity, none below the level', async () => {
    const log = syslogOpener()({ ...target(), facility: 3, tag: 'edge', hasHostName: false }, 'warn');
    log.log('notice', 'not told');
    log.log('warn', 'told');
    log.log('crit', 'told too');
    await lines(2);
    expect(received.map((line) => line.replace(/>.{16}/, '> '))).to.have.members([
      '<28> edge: told',
      '<26> edge: told too',
    ]);
  });

  it("long lines are cut, and a server that is gone is nobody's trouble", async () => {
    const log = syslogOpener()(target());
    log.write('x'.repeat(5000));
    const [line] = await lines(1);
    expect(line.match(/x+$/)![0]).to.have.length(2048);
    syslogOpener()({ ...target(), port: 9 }).write('lost');
  });
});
