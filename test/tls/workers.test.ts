/** TLS under a master: workers resume each other's sessions, a reload changes certificates, keys are the master's to read. */
import { expect } from 'chai';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanUp, freePort, onCleanUp, openRaw, temporaryFolder } from '../e2e/harness.js';
import { Fleet } from '../process/fleet.js';
import { basics, contentOf, exchangeSecure, openSecure, statusOf } from './stage.js';

describe('TLS and worker processes', function () {
  this.timeout(40_000);
  afterEach(cleanUp);

  async function start(): Promise<{ fleet: Fleet; port: number; write: (name: string) => Promise<void> }> {
    const { root } = await basics();
    const folder = temporaryFolder();
    const write = async (name: string): Promise<void> => {
      const { cert, key } = await root.issue({ names: [name, 'localhost'] });
      writeFileSync(join(folder, 'a.crt'), cert);
      writeFileSync(join(folder, 'a.key'), key);
    };
    await write('first.example');
    const port = await freePort();
    const server = `listen 127.0.0.1:${port} ssl; ssl_certificate a.crt; ssl_certificate_key a.key;`;
    const fleet = await Fleet.start({ server, location: 'return 200 "$pid $ssl_session_reused";' }, folder);
    await fleet.untilWorkers(2);
    return { fleet, port, write };
  }

  it('a session of one worker is resumed by the other', async () => {
    const { port } = await start();
    const first = await openSecure(port, { maxVersion: 'TLSv1.2' });
    const session = first.socket.getSession();
    const seen = new Set<string>();
    for (let i = 0; i < 100 && seen.size < 2; i++) {
      // Held open, so that the other worker gets its turn.
      const open = await Promise.all(Array.from({ length: 4 }, () => openRaw(port)));
      onCleanUp(() => open.forEach(({ socket }) => socket.destroy()));
      const [pid, reused] = contentOf(await exchangeSecure(port, { maxVersion: 'TLSv1.2', session })).split(
        ' ',
      );
      expect(reused).to.equal('r');
      seen.add(pid);
    }
    expect(seen.size).to.equal(2);
  });

  it('a reload puts a new certificate in force, and refuses nobody meanwhile', async () => {
    const { fleet, port, write } = await start();
    const nameOf = async (): Promise<string> => {
      const { socket } = await openSecure(port, {});
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return String(subject.CN);
    };
    expect(await nameOf()).to.equal('first.example');
    let stops = false;
    let served = 0;
    const load = Array.from({ length: 4 }, async () => {
      while (!stops) {
        const status = statusOf(await exchangeSecure(port, {}));
        if (status !== 200) throw new Error(`status ${status}`);
        served++;
      }
    });
    await write('second.example');
    await fleet.reload({});
    await fleet.untilWorkers(2);
    stops = true;
    await Promise.all(load);
    expect(await nameOf()).to.equal('second.example');
    expect(served).to.be.above(10);
  });

  it('a worker that is replaced needs no files: the master has read them', async () => {
    const { fleet, port } = await start();
    for (const name of ['a.crt', 'a.key']) rmSync(join(fleet.folder, name));
    const [victim] = fleet.workers;
    process.kill(victim, 'SIGKILL');
    await fleet.untilLogged(`worker process ${victim} exited on signal 9`);
    await fleet.untilWorkers(2);
    for (let i = 0; i < 6; i++) expect(statusOf(await exchangeSecure(port, {}))).to.equal(200);
  });
});
