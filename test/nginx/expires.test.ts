/**
 * `expires`: the same configuration and requests through nginx and wirehop. Times are of the moment, and may differ by
 * as much as passes between two answers.
 */
import { expect } from 'chai';
import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanUp, temporaryFolder } from '../e2e/harness.js';
import { type Answer, NGINX, startPair, type Ask, type Pair } from './beside.js';

const HTTP = `
  upstream back { server @UP@; }
  map $arg_e $chosen { default off; a 1h; b max; c epoch; d -1; e nonsense; f @3h; }
  server {
    listen @PORT@;
    root @ROOT@;
    location /hour/ { expires 1h; alias @ROOT@/; }
    location /plus/ { expires +1d2h; alias @ROOT@/; }
    location /past/ { expires -1; alias @ROOT@/; }
    location /zero/ { expires 0; alias @ROOT@/; }
    location /epoch/ { expires epoch; alias @ROOT@/; }
    location /max/ { expires max; alias @ROOT@/; }
    location /off/ { expires off; alias @ROOT@/; }
    location /daily/ { expires @15h30m; alias @ROOT@/; }
    location /midnight/ { expires @0; alias @ROOT@/; }
    location /modified/ { expires modified 100000d; alias @ROOT@/; }
    location /modifiedpast/ { expires modified 1h; alias @ROOT@/; }
    location /variable/ { expires $chosen; alias @ROOT@/; }
    location /added/ { expires 1h; add_header Cache-Control public; add_header X-A b; alias @ROOT@/; }
    location /inherit/ { expires 1h; location /inherit/in/ { alias @ROOT@/; } }
    location /return { expires 1h; return 200 x; }
    location /redirect { expires 1h; return 302 /x; }
    location /forbidden { expires 1h; return 403; }
    location /if { if ($arg_x) { expires 1h; } return 200 x; }
    location /proxy { expires 1h; proxy_pass http://back; }
    location /proxymod { expires modified 100000d; proxy_pass http://back; }
    location /proxyoff { expires $chosen; proxy_pass http://back; }
  }
`;

const WANT = 'Cache-Control: no-store | Cache-Control: private | Expires: Tue, 14 Nov 2023 22:13:20 GMT';
const ASKS: readonly Ask[] = [
  ...[
    'hour',
    'plus',
    'past',
    'zero',
    'epoch',
    'max',
    'off',
    'daily',
    'midnight',
    'modified',
    'modifiedpast',
  ].map((name) => ({ host: 'a', target: `/${name}/a.txt` })),
  ...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((e) => ({ host: 'a', target: `/variable/a.txt?e=${e}` })),
  ...[
    '/hour/none',
    '/added/a.txt',
    '/inherit/in/a.txt',
    '/return',
    '/redirect',
    '/forbidden',
    '/if?x=1',
    '/if',
  ].map((target) => ({ host: 'a', target })),
  { host: 'a', target: '/hour/a.txt', fields: { 'If-Modified-Since': 'Tue, 14 Nov 2023 22:13:20 GMT' } },
  { host: 'a', target: '/hour/a.txt', fields: { Range: 'bytes=0-1' } },
  { host: 'a', target: '/hour/a.txt', fields: { Range: 'bytes=20-' } },
  ...['200', '304', '404', '201', '500'].flatMap((status) =>
    ['', ` ${WANT}`].map((more) => ({ host: 'a', target: '/proxy', fields: { 'X-Want': status + more } })),
  ),
  {
    host: 'a',
    target: '/proxymod',
    fields: { 'X-Want': '200 Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT' },
  },
  { host: 'a', target: '/proxymod', fields: { 'X-Want': '200 Last-Modified: nonsense' } },
  { host: 'a', target: '/proxymod' },
  { host: 'a', target: '/proxyoff', fields: { 'X-Want': `200 ${WANT}` } },
  { host: 'a', target: '/proxyoff?e=b', fields: { 'X-Want': `200 ${WANT}` } },
];

/** The answer without the times in it, and the times: ms of Expires, seconds of max-age. */
function split(answer: Answer): { rest: unknown; times: readonly [number, number] } {
  const { expires, 'cache-control': cache, ...fields } = answer.fields;
  const age = /max-age=(-?\d+)/.exec(String(cache));
  const rest = { ...answer, fields: { ...fields, hasExpires: expires !== undefined } };
  const cacheRest = cache === undefined ? undefined : String(cache).replace(/max-age=-?\d+/, 'max-age');
  return {
    rest: { rest, cacheRest },
    times: [Date.parse(String(expires)) || 0, age === null ? 0 : Number(age[1])],
  };
}

describe('expires beside nginx', function () {
  this.timeout(20_000);
  let pair: Pair;

  before(async function () {
    if (!existsSync(NGINX)) {
      if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(`${NGINX} is missing`);
      this.skip();
    }
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'a.txt'), '0123456789');
    utimesSync(join(folder, 'a.txt'), 1_700_000_000, 1_700_000_000);
    pair = await startPair(HTTP.replaceAll('@ROOT@', folder));
  });
  after(cleanUp);

  for (const ask of ASKS) {
    it(`${ask.target} ${ask.fields === undefined ? '' : JSON.stringify(ask.fields)}`, async () => {
      const answers = await pair.ask(ask);
      const [nginx, wirehop] = [split(answers.nginx), split(answers.wirehop)];
      expect(wirehop.rest).to.deep.equal(nginx.rest);
      expect(wirehop.times[0]).to.be.closeTo(nginx.times[0], 2000);
      expect(wirehop.times[1]).to.be.closeTo(nginx.times[1], 2);
    });
  }
});
