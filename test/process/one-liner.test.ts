/**
 * Proves that --listen and --upstream become the directives they mean, and that no text in a flag can add another:
 * whatever is accepted reads back, through the configuration's own lexer, as one word.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { lex } from '../../src/config/lexer.js';
import { UsageError } from '../../src/process/command-line.js';
import { configurationText, quote } from '../../src/process/one-liner.js';

/** Words and marks of a text, as the compiler sees them. */
function tokens(text: string): string[] {
  return [...lex(text, '/x')].map((token) => (token.kind === 'word' ? `w:${token.word.text}` : token.kind));
}

/** Arguments of every directive of this name. */
function args(text: string, name: string): string[] {
  const found = tokens(text);
  return found.flatMap((token, i) =>
    token === `w:${name}` && found[i + 1].startsWith('w:') && found[i + 2] === ';'
      ? [found[i + 1].slice(2)]
      : [],
  );
}

function textFor(listen: string, upstream: string, accessLog = ''): string {
  return configurationText({ listen: [listen], upstream: [upstream], accessLog });
}

describe('one-liner', () => {
  const listens: [string, string][] = [
    ['8080', '8080'],
    ['127.0.0.1:8080', '127.0.0.1:8080'],
    ['*:80', '*:80'],
    ['localhost:80', 'localhost:80'],
    ['[::1]:8080', '[::1]:8080'],
    ['[::]:80', '[::]:80'],
    ['unix:/run/x.sock', 'unix:/run/x.sock'],
    ['unix:/a b;"c"\\{$d}', 'unix:/a b;"c"\\{$d}'],
  ];
  for (const [flag, wanted] of listens) {
    it(`--listen ${flag}`, () => expect(args(textFor(flag, '1'), 'listen')).to.deep.equal([wanted]));
  }

  const upstreams: [string, string, string][] = [
    ['3000', '127.0.0.1:3000', ''],
    ['http://127.0.0.1:3000', '127.0.0.1:3000', ''],
    ['http://127.0.0.1:3000/', '127.0.0.1:3000', ''],
    ['HTTP://app.example', 'app.example:80', ''],
    ['ws://app.example:1', 'app.example:1', ''],
    ['app:3000/base/', 'app:3000', '/base/'],
    ['http://[::1]:3000/a%20b', '[::1]:3000', '/a%20b'],
    ['unix:/run/app.sock', 'unix:/run/app.sock', ''],
    ['http://unix:/run/app.sock', 'unix:/run/app.sock', ''],
    ['unix:/run/a b".sock', 'unix:/run/a b".sock', ''],
  ];
  for (const [flag, server, path] of upstreams) {
    it(`--upstream ${flag}`, () => {
      const text = textFor('1', flag);
      expect(args(text, 'server')).to.deep.equal([server]);
      expect(args(text, 'proxy_pass')).to.deep.equal([`http://wirehop_upstream${path}`]);
    });
  }

  const refused: [string, string, string][] = [
    ['', '1', 'expected HOST:PORT'],
    ['0', '1', 'the port must be from 1 to 65535'],
    ['65536', '1', 'the port must be from 1 to 65535'],
    ['host', '1', 'a port is missing'],
    ['[::1', '1', 'expected HOST:PORT'],
    ['[1:2]:3', '1', 'is not an IPv6 address'],
    ['a*:1', '1', 'is not a host'],
    ['80;', '1', 'expected HOST:PORT'],
    ['80 default_server', '1', 'expected HOST:PORT'],
    ['unix:relative', '1', 'must be absolute'],
    ['unix:/a:b', '1', 'cannot hold a colon'],
    ['unix:/a\nb', '1', 'control characters'],
    ['1', 'https://x', 'TLS towards an upstream needs a configuration file: proxy_pass https://...'],
    ['1', 'http://u:p@x', 'a user name cannot be passed on'],
    ['1', 'http://x/$host', 'percent-encode the rest'],
    ['1', 'http://x/a;b', 'percent-encode the rest'],
    ['1', 'http://x/a?b', 'percent-encode the rest'],
    ['1', 'http://x/{', 'percent-encode the rest'],
    ['1', 'http://*:1', 'is not a host'],
    ['1', 'http://$host', 'expected HOST:PORT'],
    ['1', 'http://', 'expected HOST:PORT'],
  ];
  for (const [listen, upstream, why] of refused) {
    it(`refuses --listen ${JSON.stringify(listen)} --upstream ${JSON.stringify(upstream)}`, () => {
      expect(() => textFor(listen, upstream)).to.throw(UsageError, why);
    });
  }

  it('takes several of each, and one path for all upstreams', () => {
    const text = configurationText({ listen: ['1', '2'], upstream: ['3', '4'], accessLog: '' });
    expect(args(text, 'listen')).to.deep.equal(['1', '2']);
    expect(args(text, 'server')).to.deep.equal(['127.0.0.1:3', '127.0.0.1:4']);
    expect(() => configurationText({ listen: ['1'], upstream: ['3/a', '4'], accessLog: '' })).to.throw(
      UsageError,
      'the same path',
    );
  });

  it('logs requests when asked, to a file whatever its name', () => {
    expect(textFor('1', '2')).to.include('access_log off;');
    expect(textFor('1', '2', '/var/log/x y.log')).to.include('access_log "/var/log/x y.log" combined;');
    expect(textFor('1', '2', 'off')).to.match(/access_log \/[^ ]*\/off combined;/);
    expect(() => textFor('1', '2', '/x$host')).to.throw(UsageError, 'dollar');
  });

  it('quotes any text into one word that reads back as it was', () => {
    const plain = fc.string({
      unit: fc.constantFrom(...'ab"\'\\;{}$# \u00e9/:*'),
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(plain, (text) => {
        const octets = Buffer.from(text).toString('latin1');
        expect(tokens(`x ${quote(octets)};`)).to.deep.equal(['w:x', `w:${octets}`, ';', 'end']);
      }),
    );
  });

  it('never yields more tokens than a harmless value would, whatever is accepted', () => {
    const wild = fc.string({ unit: fc.constantFrom(...'a1:/.[]*"\'\\;{}$# \t%?@-'), maxLength: 24 });
    const count = tokens(textFor('80', '80')).length;
    fc.assert(
      fc.property(fc.constantFrom('', 'unix:/', 'http://', 'http://a/', '[::1]:'), wild, (start, rest) => {
        for (const flags of [
          [start + rest, '80'],
          ['80', start + rest],
        ]) {
          let text: string;
          try {
            text = textFor(flags[0], flags[1]);
          } catch (error) {
            expect(error).to.be.instanceOf(UsageError);
            continue;
          }
          expect(tokens(text)).to.have.length(count);
        }
      }),
      { numRuns: 500 },
    );
  });
});
