/**
 * Variables that blocks make of addresses and shares: the same blocks and the same requests through nginx and wirehop,
 * with the same values.
 */
import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { cleanUp } from '../e2e/harness.js';
import { NGINX, startPair, type Ask, type Pair } from './beside.js';

const HTTP = `
  geo $own { default none; 127.0.0.0/24 net; 127.0.0.1 host; }
  geo $empty { 10.0.0.0/8 never; }
  geo $arg_a $net {
    default other;
    10.0.0.0/8 eight; 10.1.0.0/16 sixteen; 10.1.2.3 one; 0.0.0.0/1 half;
    192.168.0.0/16 gone; delete 192.168.0.0/16;
    255.255.255.255 invalid;
    2001:db8::/32 six; 2001:db8:1::/48 "six longer"; ::1 loop; ::ffff:0:0/96 mapped;
    172.16.0.0/12 first; 172.16.0.0/12 second;
  }
  geo $arg_a $range {
    ranges; default other;
    10.0.0.0-10.0.0.255 all; 10.0.0.5-10.0.0.7 some; 10.0.0.6-10.0.0.6 one; 10.0.0.0-10.0.0.0 zero;
    10.0.0.250-10.0.0.255 last;
    10.1.0.0-10.3.255.255 wide; 10.2.0.0-10.2.0.9 gone; delete 10.2.0.0-10.2.0.9;
    9.0.0.0-9.0.0.1 earlier;
  }
  geo $behind { default none; proxy 127.0.0.0/8; 127.0.0.0/8 proxy; 10.0.0.0/8 ten; 11.0.0.0/8 eleven; }
  geo $far { default none; proxy 127.0.0.0/8; proxy 10.0.0.0/8; proxy_recursive; 10.0.0.0/8 ten; 11.0.0.0/8 eleven; }
  split_clients $arg_k $half { 50% a; * b; }
  split_clients "x$arg_k" $parts { 0.5% a; 20% b; 33.33% c; 1.1% d; }
  map $net $mapped { default no; one yes; }
  server { listen @PORT@; server_name status; location / { stub_status; } location /sub { stub_status; return 200 x; } }
  server {
    listen @PORT@; server_name browsers;
    location /safari { keepalive_disable safari; return 200 x; }
    location /msie { keepalive_disable msie6; return 200 x; }
    location /both { keepalive_disable msie6 safari; return 200 x; }
    location /none { keepalive_disable none; return 200 x; }
  }
  server { listen @PORT@; server_name a; return 200 "$own|$empty|$net|$range|$behind|$far|$half|$parts|$mapped"; }
`;

const ADDRESSES = [
  ...[
    '10.0.0.1',
    '10.1.9.9',
    '10.1.2.3',
    '1.2.3.4',
    '192.168.3.4',
    '200.1.1.1',
    '172.16.5.5',
    '255.255.255.255',
  ],
  ...[
    '2001:db8::1',
    '2001:DB8:1::1',
    '::1',
    '::ffff:10.1.2.3',
    '::ffff:200.1.1.1',
    'fe80::1',
    '',
    'x',
    'unix:',
    '10.1',
  ],
  ...[
    '10.0.0.0',
    '10.0.0.5',
    '10.0.0.6',
    '10.0.0.7',
    '10.0.0.8',
    '10.0.0.249',
    '10.0.0.250',
    '10.0.0.255',
    '10.0.1.0',
  ],
  ...['10.1.0.0', '10.2.0.5', '10.2.0.10', '10.3.255.255', '10.4.0.0', '9.0.0.1', '9.0.0.2', '0.0.0.0'],
];
const FORWARDED = [
  ...['10.0.0.1', '11.0.0.1', '11.0.0.1, 10.0.0.1', '10.0.0.1, 11.0.0.1', '11.0.0.1,10.0.0.1,10.0.0.2', 'x'],
  ...['11.0.0.1, x, 10.0.0.1', '12.0.0.1', '10.0.0.1:80', ' 11.0.0.1 ', '2001:db8::1', ''],
];
const KEYS = ['', 'a', 'ab', 'abc', 'abcd', 'abcde', 'abcdef', 'abcdefg', 'client', '127.0.0.1', 'caf%C3%A9'];

describe('variables beside nginx', function () {
  this.timeout(20_000);
  let pair: Pair;

  before(async function () {
    if (!existsSync(NGINX)) {
      if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(`${NGINX} is missing`);
      this.skip();
    }
    pair = await startPair(HTTP);
  });
  after(cleanUp);

  const same = async (ask: Omit<Ask, 'host'>): Promise<string> => {
    const { nginx, wirehop } = await pair.ask({ host: 'a', ...ask });
    expect(wirehop.body, JSON.stringify(ask)).to.equal(nginx.body);
    return wirehop.body;
  };

  it('geo: by networks and by ranges', async () => {
    for (const address of ADDRESSES) await same({ target: `/?a=${address}` });
  });

  it('geo: behind proxies that are trusted', async () => {
    for (const list of FORWARDED) await same({ target: '/', fields: { 'X-Forwarded-For': list } });
  });

  it('keepalive_disable: whose connections stay', async () => {
    const agents = [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.0 Safari/605.1',
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/537 (KHTML, like Gecko) Chrome/99 Safari/537',
      'Mozilla/5.0 (Windows NT 10.0) Safari/605.1',
      'Mozilla/5.0 (Macintosh; Mac OS X) Gecko/2010 Safari/1',
      'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)',
      'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)',
      'Mozilla/4.0 (compatible; MSIE 5.5; Windows NT 5.1; SV1)',
      'Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 5.1)',
      'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1) Opera 8',
      'curl/8',
    ];
    for (const agent of agents) {
      for (const place of ['safari', 'msie', 'both', 'none']) {
        for (const method of ['GET', 'POST']) {
          const head = `${method} /${place} HTTP/1.1\r\nHost: browsers\r\nUser-Agent: ${agent}\r\nContent-Length: 0\r\n`;
          const { nginx, wirehop } = await pair.raw(`${head}\r\n${head}Connection: close\r\n\r\n`);
          const answers = (text: string): number => text.split('HTTP/1.1 200 OK').length - 1;
          expect(answers(wirehop), `${method} ${place} ${agent}`).to.equal(answers(nginx));
        }
      }
    }
  });

  it('stub_status: its form, and its methods', async () => {
    for (const [target, method] of [
      ['/', 'GET'],
      ['/', 'HEAD'],
      ['/', 'POST'],
      ['/sub', 'GET'],
    ]) {
      const { nginx, wirehop } = await pair.ask({ host: 'status', target, method });
      const form = ({ status, body, fields }: typeof nginx): unknown => [
        status,
        fields,
        body.replace(/\d+/g, 'N'),
      ];
      expect(form(wirehop)).to.deep.equal(form(nginx));
    }
  });

  it('split_clients: shares of keys of every length', async () => {
    const keys = [...KEYS, ...Array.from({ length: 200 }, (_, i) => `key-${i * 7919}`)];
    const seen = new Set<string>();
    for (const key of keys) seen.add((await same({ target: `/?k=${key}` })).split('|')[7]);
    expect([...seen].sort()).to.include.members(['', 'b', 'c']);
  });
});
