/**
 * limit_rate: the same configuration through nginx and wirehop takes as long, and brings the same.
 */
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { cleanUp } from '../e2e/harness.js';
import { NGINX, startPair, type Pair } from './beside.js';

const HTTP = `
  server {
    listen @PORT@;
    location / { proxy_pass http://@UP@; }
    location /rate { limit_rate 4k; proxy_pass http://@UP@; }
    location /after { limit_rate 4k; limit_rate_after 1m; proxy_pass http://@UP@; }
    location /later { limit_rate 1k; limit_rate_after 5k; proxy_pass http://@UP@; }
    location /variable { limit_rate $arg_rate; proxy_pass http://@UP@; }
    location /set { set $limit_rate 4k; proxy_pass http://@UP@; }
    location /if { if ($arg_slow) { set $limit_rate 4k; } proxy_pass http://@UP@; }
    location /none { limit_rate 4k; set $limit_rate 0; proxy_pass http://@UP@; }
    location /read { proxy_limit_rate 4k; proxy_pass http://@UP@; }
    location /shown { limit_rate 12k; return 200 "$limit_rate"; }
    location /shown-set { set $limit_rate 3k; return 200 "$limit_rate"; }
    location /shown-none { return 200 "$limit_rate"; }
    location /invalid { set $limit_rate fast; return 200 "$limit_rate"; }
    location /own { limit_rate 2k; return 200 "${'0123456789'.repeat(300)}"; }
    location /ignored { proxy_ignore_headers X-Accel-Limit-Rate; proxy_pass http://@UP@; }
  }
`;

/** What is asked for, and about how many seconds it takes. Content is what the upstream says it got: about 8 KB. */
const CASES: readonly (readonly [target: string, fields: Record<string, string>, seconds: number])[] = [
  ['/rate', {}, 1],
  ['/after', {}, 0],
  ['/later', {}, 1],
  ['/variable?rate=4k', {}, 1],
  ['/variable?rate=0', {}, 0],
  ['/variable?rate=x', {}, 0],
  ['/variable', {}, 0],
  ['/set', {}, 1],
  ['/if', {}, 0],
  ['/if?slow=1', {}, 1],
  ['/none', {}, 0],
  ['/own', {}, 1],
  ['/', { 'X-Want': '200 X-Accel-Limit-Rate: 4096' }, 1],
  ['/rate', { 'X-Want': '200 X-Accel-Limit-Rate: 0' }, 0],
  ['/ignored', { 'X-Want': '200 X-Accel-Limit-Rate: 4096' }, 0],
];

describe('beside nginx: limit_rate', function () {
  let pair: Pair;
  const host = 'rates';
  const filler = { 'X-Filler': 'x'.repeat(7000) };

  before(async function () {
    if (!existsSync(NGINX)) this.skip();
    pair = await startPair(HTTP);
  });
  after(cleanUp);

  it('responses take as long', async () => {
    await Promise.all(
      CASES.map(async ([target, fields, seconds]) => {
        const begun = Date.now();
        const { nginx, wirehop } = await pair.ask({ host, target, fields: { ...filler, ...fields } });
        const took = Date.now() - begun;
        expect(wirehop, target).to.deep.equal(nginx);
        expect(took / 1000, target).to.be.within(seconds * 0.5, seconds + 1.5);
      }),
    );
  });

  for (const target of ['/shown', '/shown-set', '/shown-none', '/invalid']) {
    it(target, async () => {
      const { nginx, wirehop } = await pair.ask({ host, target });
      expect(wirehop).to.deep.equal(nginx);
    });
  }
});
