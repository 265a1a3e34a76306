import { expect } from 'chai';
import { CompileError } from '../../src/proxy/compile-error.js';
import { ServerNames } from '../../src/proxy/server-names.js';

const named = (id: string, ...names: string[]) => ({ id, names });

describe('server names', () => {
  const fallback = named('default', '_');
  const names = new ServerNames(
    [
      fallback,
      named('exact', 'example.org', 'www.example.org'),
      named('lead', '*.example.org'),
      named('deep', '*.a.example.org'),
      named('trail', 'mail.*'),
      named('longer', 'mail.example.*'),
      named('dot', '.example.net'),
      named('regex', '~^(?<user>.+)\\.example\\.NET$', '~^www\\d+\\.'),
      named('second', 'example.org', '~^www1\\.'),
      named('none', ''),
    ],
    fallback,
  );

  for (const [host, id] of [
    ['example.org', 'exact'],
    ['www.example.org', 'exact'],
    ['x.example.org', 'lead'],
    ['x.y.example.org', 'lead'],
    ['x.a.example.org', 'deep'],
    ['a.example.org', 'lead'],
    ['mail.com', 'trail'],
    ['mail.example.com', 'longer'],
    ['mail.example.org', 'lead'],
    ['mail', 'default'],
    ['example.net', 'dot'],
    ['a.b.example.net', 'dot'],
    ['www1.test', 'regex'],
    ['other', 'default'],
    ['', 'none'],
    ['_', 'default'],
    ['[2001:db8::1]', 'default'],
  ]) {
    it(`"${host}" belongs to ${id}`, () => expect(names.find(host).server.id).to.equal(id));
  }

  it('captures come with the answer of a regular expression', () => {
    const only = new ServerNames([named('r', '~^(?<user>.+)\\.example\\.net$')], fallback);
    expect(only.find('ann.example.net').captures?.groups?.user).to.equal('ann');
    expect(only.find('other').captures).to.equal(null);
  });

  it('a regular expression ignores case: hosts are in lower case', () => {
    expect(new ServerNames([named('r', '~^WWW\\.')], fallback).find('www.a').server.id).to.equal('r');
  });

  for (const name of ['a.*.b', '*', '**.a', '*.a.*', 'a*.b', '*a']) {
    it(`the mask "${name}" is refused`, () => {
      expect(() => new ServerNames([named('x', name)], fallback)).to.throw(
        CompileError,
        'invalid server name',
      );
    });
  }
});
