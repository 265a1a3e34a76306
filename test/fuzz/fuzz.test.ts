/**
 * Generated and mutated messages through the whole machine: proves, for the cases it plays, that what goes on is read
 * by an independent strict reader and by Node's strict parser exactly as it was decided. `npm run fuzz` plays more.
 */
import { expect } from 'chai';
import { goodRequest } from './generate.js';
import { readStrict } from './read.js';
import { judgeRequests } from './judge.js';
import { type Finding, playCase, type Tally } from './run.js';
import { forwardRequests, type Forwarded } from './subject.js';
import { Prng } from '../simulate/prng.js';

const SEED = 1;
const CASES = 60_000;
const LIMIT_MS = 15_000;

describe('fuzzing the machine', () => {
  it('what goes on is read as it was decided, by the strict reader and by Node', async function () {
    this.timeout(60_000);
    const tally: Tally = { cases: 0, forwarded: 0, returned: 0, askedNode: 0 };
    const findings: Finding[] = [];
    const endsAt = performance.now() + LIMIT_MS;
    for (let index = 0; index < CASES && performance.now() < endsAt; index++) {
      const finding = await playCase(SEED, index, tally, 4);
      if (finding !== null) findings.push(finding);
    }
    console.log(
      `        ${tally.cases} cases, ${tally.forwarded} requests forwarded, ${tally.returned} responses judged, ${tally.askedNode} shown to Node`,
    );
    expect(findings).to.deep.equal([]);
    expect(tally.cases).to.be.greaterThan(2000);
    expect(tally.forwarded).to.be.greaterThan(500);
  });

  it('good requests are all forwarded', () => {
    for (let index = 0; index < 3000; index++) {
      const prng = new Prng(index);
      const text = goodRequest(prng);
      const { messages, error } = readStrict('request', text, { switches: [false] });
      expect(error, text).to.equal('');
      expect(messages, text).to.have.length(1);
      expect(forwardRequests(text, prng).upstream, text).to.have.length(1);
    }
  });

  describe('the judge finds what is wrong', () => {
    const good: Forwarded = {
      upstream: ['GET / HTTP/1.1\r\nHost: upstream\r\nX: y\r\n\r\n'],
      switches: [],
      downstream: '',
      faults: [],
      events: [],
      given: '',
    };
    const given = 'GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n';
    const [octets] = good.upstream;
    const cases: readonly (readonly [string, string])[] = [
      ['a second request', octets + octets],
      ['another method', octets.replace('GET', 'PUT')],
      ['another target', octets.replace('/ ', '/x ')],
      ['a field that is missing', octets.replace('X: y\r\n', '')],
      ['a field that was changed', octets.replace('X: y', 'X: z')],
      ['framing from nowhere', octets.replace('X: y', 'X: y\r\nContent-Length: 3')],
      ['a bare LF', octets.replace('X: y\r\n', 'X: y\n')],
      ['octets behind it', `${octets}x\r\n\r\n`],
    ];
    it('and nothing where nothing is', () => expect(judgeRequests(given, good)).to.equal(null));
    for (const [name, upstream] of cases) {
      it(name, () => expect(judgeRequests(given, { ...good, upstream: [upstream] })).to.be.a('string'));
    }
    it('a request out of a refused one', () => {
      const refused = given.replace('X: y', 'X : y');
      expect(judgeRequests(refused, good)).to.be.a('string');
    });
    it('a request that was cut and looks whole', () => {
      const cut = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab';
      expect(judgeRequests(cut, { ...good, upstream: [`${cut}cde`] })).to.be.a('string');
    });
  });
});
