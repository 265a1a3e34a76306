/** Proves the reports of a side-by-side run, on fixed figures: whole, self-contained, readable by machines and people. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseHTML } from 'linkedom';
import { renderHtml } from '../../bench/versus/report/html.js';
import { insertMarkdown, renderMarkdown } from '../../bench/versus/report/markdown.js';
import { picturesOf } from '../../bench/versus/report/svg-files.js';
import { showVersus } from '../../bench/versus/text.js';
import { showDuration, showNumber } from '../../bench/versus/units.js';
import { versusMain } from '../../bench/versus/main.js';
import { versusFixture } from './versus-fixture.js';

interface Found {
  readonly textContent: string;
  getAttribute(name: string): string | null;
}
interface Page {
  querySelectorAll(selector: string): Iterable<Found>;
}

describe('bench: the report of a side-by-side run in HTML', () => {
  const html = renderHtml(versusFixture());
  const page = (parseHTML(html) as unknown as { document: Page }).document;
  const texts = (selector: string): string[] =>
    [...page.querySelectorAll(selector)].map(({ textContent }) => textContent.trim());

  it('opens offline: it refers to nothing', () => {
    expect(html).to.not.match(/<script|<link|<img|@import|url\(|https?:\/\/(?!www\.w3\.org\/)/i);
  });

  it('is light and dark, has a language, a title and headings in order', () => {
    expect(html).to.match(/^<!doctype html>\n<html lang="en">/);
    expect(html).to.include('prefers-color-scheme:dark');
    expect(texts('head > title')).to.deep.equal(['wirehop, side by side']);
    expect(texts('h1')).to.have.length(1);
    expect(texts('h2')).to.deep.equal([
      'Everything at a glance',
      'HTTP',
      'WebSocket handshakes and tunnel messages',
      'Bulk data',
      'Latency at one rate',
      'Memory of idle connections',
      'What to expect',
      'How it was measured',
    ]);
  });

  it('has a chart for each work, each told in words too', () => {
    const charts = [...page.querySelectorAll('svg')];
    expect(charts).to.have.length(7);
    for (const chart of charts) {
      expect(chart.getAttribute('role')).to.equal('img');
      expect(chart.getAttribute('aria-label')).to.have.length.greaterThan(40);
    }
    const http = charts[1].getAttribute('aria-label');
    expect(http).to.include('CPU time per request, HTTP keep-alive, 12 B: wirehop 18.5 µs, ratio 1.10;');
  });

  it('has every figure in a table', () => {
    expect(texts('tbody td')).to.include.members([
      'wirehop',
      '18.5 µs',
      '1.10',
      '26.0 µs',
      '3.10 KB',
      '0.17',
    ]);
    expect(texts('.tiles b')).to.deep.equal(['1.10 ×', '1.13 ×', '0.28 ×', '0.19 ×', '0.17 ×']);
  });

  it('says where, when, with what and by which command, and what was left out', () => {
    expect(html).to.include('2026-01-02').and.include('a &lt;fast&gt; processor').and.include('nginx 1.22.1');
    expect(html)
      .to.include('npm run bench -- --versus')
      .and.include('not installed: npm install --no-save httpxy');
    expect(html).to.not.include('<fast>');
  });

  it('names a peer that failed', () => {
    const failed = [{ peer: 'httpxy', work: 'http', reason: 'octet 3 is 0x61, must be 0x62' }];
    expect(renderHtml({ ...versusFixture(), failed })).to.match(
      /httpxy<\/b> failed at <code>http<\/code>: octet 3/,
    );
  });

  it('stands without nginx, and with nothing at all', () => {
    const fixture = versusFixture();
    const alone = fixture.figures.map((figure) => ({ ...figure, toNginx: null }));
    expect(renderHtml({ ...fixture, figures: alone })).to.not.include('NaN');
    expect(renderHtml({ ...fixture, figures: [], works: [] })).to.include('How it was measured');
  });
});

describe('bench: the report of a side-by-side run in Markdown', () => {
  it('goes between two marks of a document, and again', () => {
    const first = insertMarkdown('', 'old figures');
    expect(first).to.match(/^# wirehop, side by side\n\n<!-- versus: begin[^]*old figures[^]*end -->\n$/);
    const document = first.replace('# wirehop', '# Before').concat('after\n');
    const second = insertMarkdown(document, 'new figures');
    expect(second)
      .to.match(/^# Before[^]*new figures[^]*after\n$/)
      .and.not.include('old figures');
    expect(() => insertMarkdown('no marks', 'figures')).to.throw(RangeError, 'no part between');
  });

  it('has the pictures, the tables, the date, the versions and the command', () => {
    const report = versusFixture();
    const text = renderMarkdown(report, picturesOf(report), 'performance');
    expect(text).to.include('](performance/overview.svg)').and.include('](performance/memory.svg)');
    expect(text).to.include('| **wirehop** | **18.5 µs** | **16.7-20.4** | **1.10** |');
    expect(text).to.include('| nginx | 16.8 µs | 15.1-18.5 | 1 |');
    expect(text).to.include('2026-01-02T03:04:05Z').and.include('nginx 1.22.1').and.include('npm run bench');
    expect(text).to.include('- httpxy: not installed');
  });

  it('has pictures that stand alone', () => {
    for (const { svg, name, label } of picturesOf(versusFixture())) {
      expect(svg, name).to.match(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" /);
      expect(svg, name).to.include('prefers-color-scheme:dark').and.not.include('NaN');
      expect(label, name).to.have.length.greaterThan(20);
    }
  });
});

describe('bench: the report of a side-by-side run as text', () => {
  it('has a table for each work', () => {
    const text = showVersus(versusFixture());
    expect(text).to.match(/^wirehop +18\.5 µs +\(16\.[67]-20\.4\) +1\.10 +30 % +54.054 /m);
    expect(text).to.match(/^8000 idle tunnels +memory\/tunnel/m);
  });

  it('shows three digits', () => {
    expect([0.123, 1.234, 12.34, 99.99, 123.4].map(showNumber)).to.deep.equal([
      '0.12',
      '1.23',
      '12.3',
      '100',
      '123',
    ]);
    expect([12.3, 1234, 1_234_567].map(showDuration)).to.deep.equal(['12.3 µs', '1.23 ms', '1.23 s']);
  });
});

describe('bench: reports from earlier figures', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wirehop-bench-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('are written without a run', async () => {
    const [from, html, markdown] = ['figures.json', 'report.html', 'report.md'].map((name) =>
      join(folder, name),
    );
    writeFileSync(from, JSON.stringify(versusFixture()));
    const { write } = process.stdout;
    process.stdout.write = () => true;
    try {
      expect(await versusMain(['--from', from, '--html', html, '--markdown', markdown])).to.equal(0);
    } finally {
      process.stdout.write = write;
    }
    expect(readFileSync(html, 'utf8')).to.equal(renderHtml(versusFixture()));
    expect(existsSync(markdown)).to.equal(true);
    expect(readdirSync(join(folder, 'report')).sort()).to.deep.equal(
      ['bulk', 'http', 'latency', 'memory', 'overview', 'tunnels'].map((name) => `${name}.svg`),
    );
  });
});
