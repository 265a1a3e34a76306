/**
 * `npm start` without a browser: what it prints, what it serves, how it ends.
 */
import { createServer } from 'node:net';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { cleanUp, DEMO, freePort, onCleanUp, runCommand, soon, temporaryFolder, until } from './harness.js';
import type { Command } from './harness.js';

/** Starts the demo and answers its address, as it prints it. */
async function startDemo(port: string): Promise<{ demo: Command; address: string }> {
  const demo = runCommand([], temporaryFolder(), { PORT: port }, DEMO);
  await until('the demo', () => {
    if (demo.ended) throw new Error(`the demo ended: ${demo.stderr}`);
    return demo.stdout.includes('Ctrl-C stops');
  });
  return { demo, address: /Open (http:\/\/\S+?)\/ /.exec(demo.stdout)?.[1] ?? '' };
}

describe('demo', () => {
  afterEach(cleanUp);

  it('says what it runs and what to try, serves it, and stops by Ctrl-C', async () => {
    const port = await freePort();
    const { demo, address } = await startDemo(String(port));
    expect(address).to.equal(`http://localhost:${port}`);
    expect(demo.stdout).to.include('proxy_set_header Upgrade $http_upgrade;');
    expect(demo.stdout).to.include(`curl ${address}/headers`);

    const page = await fetch(`${address}/`);
    expect(page.headers.get('content-type')).to.equal('text/html; charset=utf-8');
    expect(await page.text()).to.include('proxy_set_header Upgrade $http_upgrade;');
    const fields = (await (await fetch(`${address}/headers`)).json()) as Record<string, string>;
    expect(fields['X-Forwarded-Proto']).to.equal('http');
    expect(await (await fetch(`${address}/echo?x`)).text()).to.match(
      /^GET \/echo\?x HTTP\/1\.1\nHost: localhost:/,
    );
    const echoed = await fetch(`${address}/echo`, { method: 'POST', body: 'some content' });
    expect(await echoed.text()).to.equal('some content');
    expect(await (await fetch(`${address}/stream`)).text()).to.match(/^line 1 of 5\n[^]*line 5 of 5\n$/);

    const socket = new WebSocket(`${address.replace('http', 'ws')}/chat`);
    onCleanUp(() => socket.terminate());
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await soon('a chat message', new Promise((resolve) => socket.once('message', resolve)));

    expect(await demo.stop('SIGINT')).to.equal(0);
    await soon('the end of the chat', closed);
    expect(demo.stderr).to.equal('');
  });

  it('takes the next port when the wanted one is busy, and says so', async () => {
    const blocker = createServer();
    const port = await new Promise<number>((resolve) => {
      blocker.listen(0, '0.0.0.0', () => resolve((blocker.address() as { port: number }).port));
    });
    onCleanUp(() => new Promise((resolve) => blocker.close(resolve)));
    const { demo, address } = await startDemo(String(port));
    expect(demo.stdout).to.match(new RegExp(`^Port ${port} is busy, so this is port \\d+\\.`));
    expect(Number(new URL(address).port)).to.be.greaterThan(port);
    expect((await fetch(`${address}/`)).status).to.equal(200);
  });

  it('refuses a PORT that is none', async () => {
    const demo = runCommand([], temporaryFolder(), { PORT: '80x' }, DEMO);
    expect(await soon('its end', demo.exited)).to.equal(1);
    expect(demo.stderr).to.equal('wirehop demo: PORT must be a number from 1 to 65535, not "80x"\n');
  });
});
