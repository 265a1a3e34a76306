/**
 * A real browser: Debian's Chromium opens the demo's page through the proxy and exchanges a WebSocket message.
 */
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { cleanUp, DEMO, freePort, onCleanUp, runCommand, temporaryFolder, until } from './harness.js';

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

describe('chromium', function () {
  this.timeout(60_000);
  after(cleanUp);

  let browser: Browser;
  let address: string;

  before(async function () {
    if (!existsSync(CHROMIUM)) {
      // In CI the package is installed: there a missing browser is a fault, elsewhere it is a choice.
      if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(`${CHROMIUM} is missing`);
      this.skip();
    }
    const port = await freePort();
    address = `http://localhost:${port}`;
    const demo = runCommand([], temporaryFolder(), { PORT: String(port) }, DEMO);
    await until('the demo', () => {
      if (demo.ended) throw new Error(`the demo ended: ${demo.stderr}`);
      return demo.stdout.includes('Ctrl-C stops');
    });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    onCleanUp(() => browser.close());
  });

  it('exchanges WebSocket messages between two pages, and shows who is connected', async () => {
    const faults: string[] = [];
    const open = async (): Promise<Page> => {
      const page = await browser.newPage();
      page.on('pageerror', (error) => faults.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error') faults.push(message.text());
      });
      await page.goto(address);
      await page.locator('#state[data-state=open]').waitFor({ timeout: 10_000 });
      return page;
    };
    const first = await open();
    const second = await open();
    await first.locator('#people li').nth(1).waitFor();
    expect(await first.locator('#people li').allTextContents()).to.deep.equal(['guest 1 (you)', 'guest 2']);

    const words = 'Hello <b>there</b> \u{1F44B}';
    await first.fill('#text', words);
    await first.click('#send');
    for (const page of [first, second]) {
      const message = page.locator('#log li.message').last();
      await message.waitFor({ timeout: 10_000 });
      const text = (await message.textContent()) ?? '';
      expect(text).to.include('guest 1');
      // Shown as text: markup in a message stays words.
      expect(text).to.include(words);
    }
    await second.fill('#text', '/name Ada');
    await second.press('#text', 'Enter');
    await first.locator('#people li', { hasText: 'Ada' }).waitFor({ timeout: 10_000 });
    await second.close();
    await until('the one who left to vanish', async () => (await first.locator('#people li').count()) === 1);
    expect(await first.locator('pre', { hasText: 'proxy_pass' }).textContent()).to.include(
      'wirehop_upstream',
    );
    expect(faults).to.deep.equal([]);
  });
});
