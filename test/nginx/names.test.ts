/**
 * proxy_pass to names that variables make: the same configuration, the same name server and the same requests through
 * nginx and wirehop, with the same answers and the same words in the error log.
 */
import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { a, NameServer, type Zone } from '../driver/name-server.js';
import { cleanUp, onCleanUp } from '../e2e/harness.js';
import { NGINX, startPair, type Pair } from './beside.js';

const ZONE: Zone = {
  'A one.test': [a('one.test', '127.0.0.1')],
  // nobody listens on the first
  'A two.test': [a('two.test', '127.0.0.9'), a('two.test', '127.0.0.1')],
  'A slow.test': 'silence',
  'A broken.test': 'failure',
};

/** By path: what stands in its location. */
const LOCATIONS: Readonly<Record<string, string>> = {
  '/one/': 'proxy_pass http://$way$port;',
  '/uri/': 'proxy_pass http://one.test$port/x$uri?y;',
  '/group/': 'proxy_pass http://$way;',
  '/number/': 'proxy_pass http://127.0.0.1$port;',
  '/header/': 'proxy_pass http://one.test$port; proxy_set_header Host $proxy_host:$proxy_port;',
  '/none/': 'resolver_timeout 1s; proxy_pass http://none.test$port;',
  '/slow/': 'resolver_timeout 1s; proxy_pass http://slow.test$port;',
  '/page/': 'resolver_timeout 1s; error_page 502 =299 @page; proxy_pass http://none.test$port;',
};

const ASKS: readonly (readonly [target: string, host: string])[] = [
  ['/one/a?b', 'one.test'],
  ['/one/a', 'ONE.test'],
  ['/one/a', 'two.test'],
  ['/one/a', 'two.test'],
  ['/one/a', '127.0.0.1'],
  ['/uri/a?b', 'one.test'],
  ['/group/a', 'group'],
  ['/group/a', 'GROUP'],
  ['/number/a', 'x'],
  ['/header/a', 'x'],
  ['/none/a', 'x'],
  ['/slow/a', 'x'],
  ['/page/a', 'x'],
];

describe('names that variables make, beside nginx', function () {
  let pair: Pair;

  before(async function () {
    if (!existsSync(NGINX)) {
      if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(`${NGINX} is missing`);
      this.skip();
    }
    const server = new NameServer(ZONE);
    const resolver = await server.start();
    onCleanUp(() => server.stop());
    const locations = Object.entries(LOCATIONS).map(([path, lines]) => `location ${path} { ${lines} }`);
    pair = await startPair(`
      upstream group { server @UP@; }
      map "" $port { default ":\${upport}"; }
      map "@UP@" $upport { "~:(?<number>\\d+)$" $number; }
      server { listen @PORT@; resolver ${resolver} ipv6=off; set $way $host; ${locations.join('\n')}
        location @page { return 200 "page"; }
      }
      server { listen @PORT@; server_name without; location / { proxy_pass http://$arg_way; }
        location /fixed/ { proxy_pass http://nobody.test$request_uri; } }
    `);
  });
  after(cleanUp);

  for (const [i, [target, host]] of ASKS.entries()) {
    it(`${i}: ${target} for ${host}`, async () => {
      const { nginx, wirehop } = await pair.ask({ host, target });
      expect(wirehop).to.deep.equal(nginx);
    });
  }

  for (const way of ['other.test', 'other.test:81/x', '', 'a:b', '/', '[::1', 'unix:']) {
    it(`without a resolver: "${way}"`, async () => {
      const { nginx, wirehop } = await pair.ask({ host: 'without', target: `/?way=${way}` });
      expect(wirehop).to.deep.equal(nginx);
    });
  }

  it('without a resolver: a name with variables behind it', async () => {
    const { nginx, wirehop } = await pair.ask({ host: 'without', target: '/fixed/' });
    expect(wirehop).to.deep.equal(nginx);
  });

  it('the error logs say the same', () => {
    const { nginx, wirehop } = pair.errors();
    const about = (lines: readonly string[]): string[] =>
      lines.filter((line) => /resolve|in upstream|URL prefix/.test(line)).sort();
    expect(about(wirehop)).to.deep.equal(about(nginx));
    expect(about(nginx).join('\n')).to.include('could not be resolved (3: Host not found)');
  });
});
