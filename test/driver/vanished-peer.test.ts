/**
 * A client that has sent a request and reset the connection before it was accepted: the system no longer tells who it
 * was. Proves: nobody is taken for a client of a unix socket that way, as rules by address might let that one in.
 */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Driver } from '../../src/driver/driver.js';
import { respondPlan, TestPolicy } from '../machine/policies.js';

const REQUEST = 'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';
/** Sends and resets. Runs in a process of its own while this one stands still. */
const CLIENT = `
  const s = require('net').connect(JSON.parse(process.argv[1]), () => s.write(process.argv[2], () => s.resetAndDestroy()));
  s.on('error', () => {});
`;

for (const transport of ['net', 'handle'] as const) {
  describe(`clients that are gone before they are accepted, ${transport}`, () => {
    let driver: Driver;
    let policy: TestPolicy;
    let addresses: string[];
    beforeEach(() => {
      addresses = [];
      policy = new TestPolicy(({ connection }) => {
        addresses.push(connection.remoteAddress);
        return respondPlan(200, 'x');
      });
      driver = new Driver({ transport });
    });
    afterEach(() => driver.close());

    it('over TCP: nothing of it is read', async () => {
      const bound = await driver.listen({ host: '127.0.0.1', port: 0 }, policy);
      const where = JSON.stringify(bound);
      execFileSync(process.execPath, ['-e', CLIENT, where, REQUEST]);
      // One that stays, behind it in the queue: when it is there, so was the other.
      const client = net.connect(bound as net.TcpNetConnectOpts).end('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      client.on('error', () => undefined).resume();
      await once(client, 'close');
      expect(addresses).to.deep.equal(['127.0.0.1']);
      expect(driver.counters).to.include({ accepted: 2, refused: 1, sessions: 0 });
    });

    it('over a unix socket: it is known as every other', async () => {
      const path = join(tmpdir(), `wirehop-vanished-${process.pid}-${transport}.sock`);
      await driver.listen({ path }, policy);
      const client = net.connect({ path }).end('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      client.on('error', () => undefined).resume();
      await once(client, 'close');
      expect(addresses).to.deep.equal(['unix:']);
      expect(driver.counters).to.include({ accepted: 1, refused: 0 });
    });
  });
}
