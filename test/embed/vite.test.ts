/**
 * A real Vite dev server behind a proxy, in a real browser: the page loads through it, and what changes on disk changes
 * on the page without a reload, through the proxied WebSocket. Killing the upstream, the browser, or both leaves the
 * process healthy.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Browser, chromium } from 'playwright-core';
import type { ViteDevServer } from 'vite';
import { createProxy, type Proxy } from '../../src/index.js';
import { cleanUp, folderWith, freePort, onCleanUp, until } from '../e2e/harness.js';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const PAGE = '<!doctype html><title>t</title><p id="text"></p><script type="module" src="/main.js"></script>';
const moduleText = (text: string): string =>
  `document.querySelector('#text').textContent = ${JSON.stringify(text)};\n` +
  `globalThis.loads = (globalThis.loads ?? 0) + 1;\nimport.meta.hot.accept();\n`;

describe('embed: a Vite dev server in Chromium', function () {
  this.timeout(60_000);
  after(cleanUp);

  let proxy: Proxy;
  let front: Server;
  let vite: ViteDevServer;
  let browser: Browser;
  let folder: string;
  let vitePort = 0;
  let address: string;
  const errors: string[] = [];

  async function startVite(): Promise<ViteDevServer> {
    const { createServer: createVite } = await import('vite');
    const server = await createVite({
      root: folder,
      configFile: false,
      logLevel: 'silent',
      cacheDir: join(folder, '.vite'),
      server: {
        port: vitePort,
        strictPort: true,
        host: 'localhost',
        watch: { usePolling: true, interval: 50 },
      },
    });
    return server.listen();
  }

  before(async function () {
    if (!existsSync(CHROMIUM)) {
      // In CI the package is installed: there a missing browser is a fault, elsewhere it is a choice.
      if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(`${CHROMIUM} is missing`);
      this.skip();
    }
    folder = folderWith({ 'index.html': PAGE, 'main.js': moduleText('first') });
    vitePort = await freePort();
    vite = await startVite();
    onCleanUp(() => vite.close());
    proxy = createProxy({
      upstream: `http://localhost:${vitePort}`,
      hooks: { error: ({ code }) => void errors.push(code) },
    });
    onCleanUp(() => proxy.close());
    front = createServer(proxy.web).on('upgrade', proxy.upgrade);
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    onCleanUp(() => {
      front.closeAllConnections();
      front.close();
    });
    address = `http://localhost:${(front.address() as AddressInfo).port}/`;
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    onCleanUp(() => browser.close());
  });

  /** Opens the page and answers how it shows its text, once its socket is open. */
  async function open(): Promise<{
    text: () => Promise<string | null>;
    loads: () => Promise<number>;
    sockets: string[];
  }> {
    const page = await browser.newPage();
    const sockets: string[] = [];
    page.on('websocket', (socket) => sockets.push(socket.url()));
    const connected = page.waitForEvent('console', (message) => message.text().includes('[vite] connected'));
    await page.goto(address.replace('localhost', '127.0.0.1'));
    await connected;
    return {
      text: () => page.textContent('#text'),
      loads: () => page.evaluate('globalThis.loads') as Promise<number>,
      sockets,
    };
  }

  it('replaces a module on the page through the proxied socket', async () => {
    const page = await open();
    expect(await page.text()).to.equal('first');
    const { port } = front.address() as AddressInfo;
    expect(page.sockets[0]).to.match(new RegExp(`^ws://127\\.0\\.0\\.1:${port}/`));
    writeFileSync(join(folder, 'main.js'), moduleText('second'));
    await until('the change on the page', async () => (await page.text()) === 'second', 15_000);
    // The same document ran both: it was replaced, not loaded again.
    expect(await page.loads()).to.equal(2);
  });

  it('lives on when the upstream goes, and serves again when it is back', async () => {
    await vite.close();
    const gone = await fetch(address);
    expect(gone.status).to.equal(502);
    vite = await startVite();
    const page = await open();
    expect(await page.text()).to.equal('second');
  });

  it('lives on when the browser goes, and when both go at once', async () => {
    await browser.close();
    await until('no tunnel', () => proxy.counters.sessions === 0, 10_000);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    await open();
    await Promise.all([browser.close(), vite.close()]);
    await until('no tunnel', () => proxy.counters.sessions === 0, 10_000);
    expect((await fetch(address)).status).to.equal(502);
    expect(errors).not.to.include('UNEXPECTED_INPUT');
  });
});
