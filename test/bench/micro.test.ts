/**
 * Proves that the micro suites measure what they claim: every named figure is there and means something, and all
 * readers that are compared read the same.
 */
import { expect } from 'chai';
import { BROWSER_REQUEST, REQUESTS, RESPONSES, type HeadFixture } from '../../bench/fixtures.js';
import { QUICK, type Figures } from '../../bench/measure.js';
import { HEAD_SUBJECTS, type PlainHead } from '../../bench/micro/head-subjects.js';
import { MICRO_SUITES, runMicro } from '../../bench/micro/index.js';

const FIXTURES: readonly HeadFixture[] = [...Object.values(REQUESTS), ...Object.values(RESPONSES)];

/** Every figure that the documentation speaks of, as `group/subject`. Node's parser may be absent. */
const NAMED: Readonly<Record<string, readonly string[]>> = {
  head: ['request, minimal', 'request, browser-like', 'request, 40 fields, cookies']
    .concat('response, minimal', 'response, usual', 'response, 40 fields, cookies')
    .flatMap((head) => [`${head}, whole`, `${head}, in two parts`])
    .flatMap((group) => [`${group}/wirehop`, `${group}/llhttp-wasm`]),
  edit: [5, 14, 40]
    .flatMap((fields) => [0, 4, 8].map((edits) => `request, ${fields} fields, ${edits} edits/wirehop`))
    .concat(
      [10, 40].flatMap((fields) =>
        [0, 2].map((edits) => `response, ${fields} fields, ${edits} edits/wirehop`),
      ),
    ),
  chunked: ['64 B', '4 KB', '64 KB'].flatMap((size) =>
    ['wirehop, as received', 'wirehop, content alone', 'a copy'].map(
      (who) => `1 MB in chunks of ${size}/${who}`,
    ),
  ),
  choice: ['location', 'server', 'map', 'peer'].flatMap((what) =>
    [1, 10, 1000].map((count) => `${what}, among ${count}/wirehop`),
  ),
  value: ['$host', '$proxy_add_x_forwarded_for', '$connection_upgrade', '$scheme://$host$request_uri']
    .map((template) => `octets of ${template}/wirehop`)
    .concat('log line, combined/wirehop'),
  machine: ['HTTP exchange, 14 fields, 12 B', 'HTTP exchange, 40 fields, 12 B']
    .concat('HTTP exchange, POST and answer in chunks, 1 KB each', 'WebSocket handshake, from accept to end')
    .flatMap((group) => [`${group}/policy by hand`, `${group}/configuration`])
    .concat(
      [64, 4096, 16384].flatMap((octets) =>
        ['to', 'from'].map((way) => `tunnel message, ${octets} B, ${way} upstream/policy by hand`),
      ),
    ),
  embed: ['embedded HTTP exchange, 14 fields, 12 B', 'embedded tunnel message, 64 B'].flatMap((group) =>
    ['bare policy', 'embedded, hooks off', 'embedded, every hook on'].map((who) => `${group}/${who}`),
  ),
};

describe('bench: the head subjects', () => {
  it('the browser-like request is the one that the figures speak of', () => {
    expect(BROWSER_REQUEST.octets.length).to.equal(476);
    expect(BROWSER_REQUEST.fields).to.equal(14);
  });

  for (const fixture of FIXTURES) {
    it(`all read the same: ${fixture.kind}, ${fixture.name}`, () => {
      const wanted = plain(fixture);
      for (const { name, make } of HEAD_SUBJECTS) {
        let reader;
        try {
          reader = make(fixture.kind);
        } catch (error) {
          expect(`${name}: ${(error as Error).message}`).to.equal(
            'node: this Node shows its parser only with --expose-internals',
          );
          continue;
        }
        for (const parts of [fixture.whole, fixture.halves, fixture.whole]) {
          expect(reader.read(parts), `${name} in ${parts.length} parts`).to.deep.equal(wanted);
        }
      }
    });

    it(`ours reads the same however it is cut: ${fixture.kind}, ${fixture.name}`, () => {
      const wanted = plain(fixture);
      const reader = HEAD_SUBJECTS[0].make(fixture.kind);
      const { octets } = fixture;
      for (let at = 1; at < octets.length; at++) {
        const parts = [octets.subarray(0, at), octets.subarray(at)];
        expect(reader.read(parts), `cut at ${at}`).to.deep.equal(wanted);
      }
    });
  }
});

describe('bench: the micro suites', () => {
  it('are the ones that are documented', () => {
    expect(MICRO_SUITES.map(({ name }) => name)).to.deep.equal(Object.keys(NAMED));
  });

  for (const suite of MICRO_SUITES) {
    it(`${suite.name}: every named figure is in the report`, async () => {
      const progress: string[] = [];
      const { figures, skipped } = await runMicro(suite, QUICK, (what) => progress.push(what));
      const found = new Map(figures.map((one) => [`${one.group}/${one.subject}`, one]));
      expect([...found.keys()]).to.include.members([...NAMED[suite.name]]);
      expect(found.size, 'no name twice').to.equal(figures.length);
      figures.forEach(expectMeaning);
      expect(progress.length).to.equal(new Set(figures.map(({ group }) => group)).size);
      for (const { subject } of skipped) expect(subject).to.equal('node');
    }).timeout(60_000);
  }
});

/** The head by plain string work: start line, then names and values. */
function plain({ kind, octets }: HeadFixture): PlainHead {
  const [startLine, ...lines] = octets.toString('latin1').trimEnd().split('\r\n');
  const parts = startLine.split(' ');
  return {
    startLine: kind === 'request' ? parts[1] : parts.slice(2).join(' '),
    status: kind === 'request' ? 0 : Number(parts[1]),
    fields: lines.flatMap((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  };
}

function expectMeaning({ group, subject, time, heapOctets, externalOctets }: Figures): void {
  const name = `${group}/${subject}`;
  expect(time.runs, name).to.be.at.least(QUICK.minSamples);
  expect(time.median, name).to.be.greaterThan(0);
  expect(time.mean, name).to.be.within(time.min, time.max);
  expect(heapOctets, name).to.be.at.least(0);
  expect(externalOctets, name).to.be.at.least(0);
}
