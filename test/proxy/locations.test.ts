import { expect } from 'chai';
import { CompileError } from '../../src/proxy/compile-error.js';
import { contextOf } from '../../src/proxy/context.js';
import * as l from '../../src/proxy/locations.js';
import type { LocationModel } from '../../src/proxy/model.js';
import { exchangeOf, forward, location } from './fixtures.js';

/** The pattern that a path leads to, with its mark; "-" for none. */
function found(locations: readonly LocationModel[], path: string): string {
  const search = new l.LocationSearch();
  const how = new l.LocationTree(locations).find(contextOf(exchangeOf(`GET ${path} HTTP/1.1`)), search);
  if (search.location === null) return '-';
  const marks = { exact: '= ', prefix: '', 'prefix-final': '^~ ', regex: '~ ', 'regex-nocase': '~* ' };
  const mark = marks[search.location.match as keyof typeof marks];
  return (how === l.FOUND_WITH_SLASH ? '301 ' : '') + mark + search.location.pattern;
}

describe('locations', () => {
  it("nginx's documented example", () => {
    const example = [
      location('exact', '/'),
      location('prefix', '/'),
      location('prefix', '/documents/'),
      location('prefix-final', '/images/'),
      location('regex-nocase', '\\.(gif|jpg|jpeg)$'),
    ];
    expect(found(example, '/')).to.equal('= /');
    expect(found(example, '/index.html')).to.equal('/');
    expect(found(example, '/documents/document.html')).to.equal('/documents/');
    expect(found(example, '/images/1.gif')).to.equal('^~ /images/');
    expect(found(example, '/documents/1.JPG')).to.equal('~* \\.(gif|jpg|jpeg)$');
  });

  const prefixes = ['/a', '/ab/c', '/ab/d', '/abc', '/x/y/z', '/x'].map((pattern) =>
    location('prefix', pattern),
  );
  for (const [path, pattern] of [
    ['/a', '/a'],
    ['/ab', '/a'],
    ['/ab/', '/a'],
    ['/ab/c', '/ab/c'],
    ['/ab/cd', '/ab/c'],
    ['/ab/d/e', '/ab/d'],
    ['/abc', '/abc'],
    ['/abd', '/a'],
    ['/x/y', '/x'],
    ['/x/y/z/', '/x/y/z'],
    ['/y', '-'],
    ['/', '-'],
  ]) {
    it(`the longest prefix of ${path} is ${pattern}, in any order of definition`, () => {
      expect(found(prefixes, path)).to.equal(pattern);
      expect(found([...prefixes].reverse(), path)).to.equal(pattern);
    });
  }

  it('regular expressions are tried in order, with case or without', () => {
    const order = [location('regex', 'b'), location('regex', 'ab'), location('regex-nocase', 'C')];
    expect(found(order, '/ab')).to.equal('~ b');
    expect(found(order, '/xc')).to.equal('~* C');
    expect(found(order, '/AB')).to.equal('-');
  });

  it('names are octets: case counts, and so does what follows a NUL-free percent-encoding', () => {
    const names = [location('prefix', '/caf\xc3\xa9'), location('prefix', '/')];
    expect(found(names, '/caf%C3%A9/x')).to.equal('/caf\xc3\xa9');
    expect(found(names, '/CAF%C3%A9')).to.equal('/');
  });

  describe('nested', () => {
    const nested = [
      location('prefix', '/app/', {
        locations: [
          location('prefix', '/app/in/'),
          location('exact', '/app/one'),
          location('regex', '\\.in$'),
        ],
      }),
      location('prefix-final', '/final/', { locations: [location('prefix', '/final/in/')] }),
      location('regex', '\\.(in|out)$', { locations: [location('prefix', '/deep/')] }),
    ];
    for (const [path, pattern] of [
      ['/app/x', '/app/'],
      ['/app/in/x', '/app/in/'],
      ['/app/one', '= /app/one'],
      ['/app/x.in', '~ \\.in$'],
      ['/app/in/x.out', '~ \\.(in|out)$'],
      ['/final/in/x.out', '/final/in/'],
      ['/final/x.out', '^~ /final/'],
      ['/deep/x.out', '/deep/'],
      ['/y.out', '~ \\.(in|out)$'],
    ]) {
      it(`${path} leads to ${pattern}`, () => expect(found(nested, path)).to.equal(pattern));
    }
  });

  describe('a prefix ending in a slash, with proxy_pass', () => {
    const slashed = location('prefix', '/user/', { action: forward() });
    it('sends its name without the slash there', () => {
      expect(found([slashed, location('prefix', '/')], '/user')).to.equal('301 /user/');
      expect(found([slashed, location('prefix', '/user/x')], '/user')).to.equal('301 /user/');
      expect(found([slashed, location('regex', 'user')], '/user')).to.equal('301 /user/');
      expect(found([slashed, location('prefix', '/')], '/use')).to.equal('/');
      expect(found([slashed, location('prefix', '/users')], '/user')).to.equal('301 /user/');
    });
    it('does not where that name has a location', () => {
      expect(found([slashed, location('exact', '/user')], '/user')).to.equal('= /user');
      expect(found([slashed, location('prefix', '/user')], '/user')).to.equal('/user');
    });
    it('does not without proxy_pass', () => {
      expect(found([location('prefix', '/user/'), location('prefix', '/')], '/user')).to.equal('/');
    });
  });

  it('two locations of one name are refused', () => {
    for (const [first, second] of [
      ['prefix', 'prefix'],
      ['exact', 'exact'],
      ['prefix', 'prefix-final'],
    ] as const) {
      const twice = [location(first, '/a'), location(second, '/a')];
      expect(() => new l.LocationTree(twice)).to.throw(CompileError, 'duplicate location "/a"');
    }
  });

  it('a search makes no text while there is no regular expression', () => {
    const path = contextOf(exchangeOf('GET /ab/c HTTP/1.1'));
    path.text = () => {
      throw new Error('made a text');
    };
    const search = new l.LocationSearch();
    expect(new l.LocationTree(prefixes).find(path, search)).to.equal(l.FOUND_PREFIX);
  });
});
