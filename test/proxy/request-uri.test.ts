import { expect } from 'chai';
import { contextOf } from '../../src/proxy/context.js';
import { NormalPath } from '../../src/proxy/normal-path.js';
import { ProxyPassTarget } from '../../src/proxy/request-uri.js';
import { exchangeOf, octetsOf, requestHead } from './fixtures.js';

describe('the normalised path', () => {
  // [target, path or null for 400]: as nginx 1.22 answered.
  const CASES: [target: string, path: string | null][] = [
    ['/', '/'],
    ['/plain/path', '/plain/path'],
    ['/u/a%2fb/../%2e%2e/x//y', '/u/x/y'],
    ['/u/%3fx%23%25', '/u/?x#%'],
    ['/u/..%2f', '/'],
    ['/u/.', '/u/'],
    ['/u/a/..', '/u/'],
    ['/u/..', '/'],
    ['/u/a//../b', '/u/b'],
    ['/u/..a/...', '/u/..a/...'],
    ['/u/a%2F%2e%2E%2Fb', '/u/b'],
    ['/.well-known/x', '/.well-known/x'],
    ['/%41', '/A'],
    ['//', '/'],
    ['/a///b/', '/a/b/'],
    ['/caf%c3%a9', '/caf\xc3\xa9'],
    ['/u/../../a', null],
    ['/..', null],
    ['/%2e%2e/', null],
    ['/%zz', null],
    ['/%0', null],
    ['/%', null],
    ['/%00', null],
    ['http://a/b/../c', '/c'],
    ['http://a', '/'],
    ['http://a?x', '/'],
    ['*', null],
  ];
  for (const [target, path] of CASES) {
    it(`${target} is ${path ?? 'refused'}`, () => {
      const normal = new NormalPath();
      const isGood = normal.read(requestHead(`GET ${target} HTTP/1.1`), true);
      expect(isGood ? normal.text() : null).to.equal(path);
    });
  }

  for (const target of ['/plain/path?a=b', '/plain', '/u/%41/../x?a', 'http://a/b?c', 'http://a?x']) {
    it(`${target} stays what it is when its head moves into storage of its own`, () => {
      const head = requestHead(`GET ${target} HTTP/1.1`);
      const normal = new NormalPath();
      expect(normal.read(head, true)).to.equal(true);
      const shown = (): string[] => {
        const { octets, start, end, argsOctets, argsStart, argsEnd } = normal;
        const parts = [octets.subarray(start, end), argsOctets.subarray(argsStart, argsEnd)];
        return [...parts.map((part) => Buffer.from(part).toString('latin1')), normal.argsText()];
      };
      const before = shown();
      head.settle().octets.fill(0x7e);
      expect([...shown(), normal.text()]).to.deep.equal([...before, before[0]]);
    });
  }

  it('slashes stay with merge_slashes off', () => {
    const read = (target: string): string => {
      const normal = new NormalPath();
      expect(normal.read(requestHead(`GET ${target} HTTP/1.1`), false)).to.equal(true);
      return normal.text();
    };
    expect(read('//a///b')).to.equal('//a///b');
    expect(read('/a//../b')).to.equal('/a/b');
    expect(read('//%61//./')).to.equal('//a//');
  });

  it('the query is left alone', () => {
    const normal = new NormalPath();
    const head = requestHead('GET /a%20b?x=%41//../y?z HTTP/1.1');
    normal.read(head, true);
    expect(head.text(normal.argsStart, normal.argsEnd)).to.equal('x=%41//../y?z');
    normal.read(requestHead('GET /a? HTTP/1.1'), true);
    expect(normal.argsStart).to.equal(normal.argsEnd);
  });

  it('a plain path is not copied', () => {
    const normal = new NormalPath();
    const head = requestHead('GET /a/b.c?x=%20 HTTP/1.1');
    normal.read(head, true);
    expect(normal.octets).to.equal(head.octets);
    expect(normal.wasEncoded).to.equal(false);
  });
});

describe('proxy_pass with a URI', () => {
  // [location, URI, target, what is sent]: as nginx 1.22 sent it.
  for (const [prefix, uri, target, sent] of [
    ['/name/', '/remote/', '/name/x/y?z=1', '/remote/x/y?z=1'],
    ['/name/', '/', '/name/', '/'],
    ['/some/path/', '/link/', '/some/path/../path/a', '/link/a'],
    ['/p/', '/q/', '/p/a%20b%3fc%25"<>\xe9|x?y=1', '/q/a%20b%3Fc%25%22%3C%3E%E9%7Cx?y=1'],
    ['/p/', '/q/', '/p/a"<>|x', '/q/a"<>|x'],
    ['/p/', '/q/', '/p/%e9a', '/q/%E9a'],
    ['/p/', '/q/', '/p/\xe9', '/q/\xe9'],
    ['/p/', '/q/', '/p/%41+%2B', '/q/A++'],
    ['/p', '/q', '/p', '/q'],
    ['/p', '/', '/p/x', '//x'],
    ['/p/', '/q/', '/p/?', '/q/'],
  ]) {
    it(`location ${prefix}, proxy_pass http://a${uri}: ${target} becomes ${sent}`, () => {
      const exchange = exchangeOf(`GET ${target} HTTP/1.1`);
      contextOf(exchange);
      expect(octetsOf(new ProxyPassTarget(prefix, uri), exchange)).to.equal(sent);
    });
  }
});
