import { AbsoluteLocation } from '../../src/proxy/absolute-location.js';
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import type { Exchange } from '../../src/machine/exchange.js';
import type { FieldEdits, FieldSet } from '../../src/message/field-edits.js';
import { FIELD_NAMES } from '../../src/message/field-names.js';
import { builtInPage, reasonPhrase, wireStatus } from '../../src/message/statuses.js';
import { CompileError } from '../../src/proxy/compile-error.js';
import { localEdits, requestEdits, responseEdits } from '../../src/proxy/edits.js';
import { VERSION } from '../../src/proxy/identity.js';
import { compileTemplate } from '../../src/proxy/template.js';
import { builtinVariables } from '../../src/proxy/variables.js';
import { exchangeOf, octetsOf, responseHead } from './fixtures.js';

const variables = builtinVariables();
const template = (text: string) => compileTemplate(text, variables);

/** Lines as they would be sent, without those whose value is empty; Date shows as "now". */
function lines(sets: readonly FieldSet<Exchange>[], exchange = exchangeOf()): string[] {
  return sets
    .map((set) => [Buffer.from(set.prefix).toString('latin1'), octetsOf(set.value, exchange)])
    .filter(([, value]) => value !== '')
    .map(
      ([prefix, value]) =>
        prefix + (prefix === 'Date: ' && value === new Date(value).toUTCString() ? 'now' : value),
    );
}

function drops(edits: FieldEdits<Exchange>, name: string): boolean {
  return edits.drops[FIELD_NAMES.intern(name)] === 1;
}

describe('edits of a request', () => {
  it('Host is the name in proxy_pass, and nothing is said about the connection', () => {
    const edits = requestEdits([], template('backend:81'));
    expect(lines(edits.first)).to.deep.equal(['Host: backend:81']);
    expect(edits.last).to.deep.equal([]);
    expect(drops(edits, 'host')).to.equal(true);
    expect(drops(edits, 'x-other')).to.equal(false);
  });

  it('proxy_set_header replaces the default and what was received, whatever the case', () => {
    const sets = [
      { name: 'X-Real-IP', value: template('$remote_addr') },
      { name: 'hOST', value: template('$host') },
    ];
    const edits = requestEdits(sets, template('backend'));
    expect(lines(edits.first)).to.deep.equal(['hOST: example.com', 'X-Real-IP: 192.0.2.1']);
    expect(drops(edits, 'x-real-ip')).to.equal(true);
    expect(sets[0].name).to.equal('X-Real-IP');
  });

  it('an empty value drops the field', () => {
    const edits = requestEdits([{ name: 'Accept-Encoding', value: template('') }], template('backend'));
    expect(lines(edits.first)).to.deep.equal(['Host: backend']);
    expect(drops(edits, 'accept-encoding')).to.equal(true);
  });

  it('a name that is no token is refused', () => {
    expect(() => requestEdits([{ name: 'a b', value: template('') }], template('b'))).to.throw(
      CompileError,
      '"a b"',
    );
  });
});

describe('edits of a response', () => {
  const options = { hide: [], pass: [], add: [], serverTokens: true };

  it("nginx's defaults: Server and Date are wirehop's own, X-Accel fields stay here", () => {
    const edits = responseEdits(options);
    expect(lines(edits.first)).to.deep.equal([`Server: wirehop/${VERSION}`, 'Date: now']);
    for (const name of [
      'server',
      'date',
      'x-pad',
      'x-accel-expires',
      'x-accel-redirect',
      'x-accel-buffering',
    ]) {
      expect(drops(edits, name), name).to.equal(true);
    }
    expect(drops(edits, 'content-type')).to.equal(false);
  });

  it('server_tokens off leaves the version out', () => {
    expect(lines(responseEdits({ ...options, serverTokens: false }).first)[0]).to.equal('Server: wirehop');
  });

  it('proxy_hide_header and proxy_pass_header', () => {
    const edits = responseEdits({
      ...options,
      hide: ['X-Secret', 'X-Both'],
      pass: ['x-pad', 'X-Both', 'server'],
    });
    expect(drops(edits, 'x-secret')).to.equal(true);
    expect(drops(edits, 'x-pad')).to.equal(false);
    expect(drops(edits, 'x-both')).to.equal(false);
    expect(drops(edits, 'server')).to.equal(false);
  });

  it("a passed Server is the upstream's, or wirehop's own where it has none", () => {
    const edits = responseEdits({ ...options, pass: ['Server'] });
    const exchange = exchangeOf();
    expect(lines(edits.first, exchange)).to.deep.equal(['Date: now']);
    expect(lines(edits.last, exchange)).to.deep.equal([`Server: wirehop/${VERSION}`]);
    exchange.response = responseHead('HTTP/1.1 200 OK\nServer: theirs');
    expect(lines(edits.last, exchange)).to.deep.equal([]);
  });

  it('add_header adds a line behind the others, and keeps its flag', () => {
    const add = [
      { name: 'X-A', value: template('$host'), always: false },
      { name: 'X-A', value: template('two'), always: true },
    ];
    const edits = responseEdits({ ...options, add });
    expect(lines(edits.last)).to.deep.equal(['X-A: example.com', 'X-A: two']);
    expect(edits.last.map((set) => set.always)).to.deep.equal([false, true]);
    expect(edits.first.every((set) => set.always)).to.equal(true);
    expect(drops(edits, 'x-a')).to.equal(false);
  });

  it('add_header replaces ETag and Last-Modified', () => {
    const edits = responseEdits({
      ...options,
      add: [{ name: 'ETag', value: template('"x"'), always: false }],
    });
    expect(drops(edits, 'etag')).to.equal(true);
    expect(lines(edits.first)).to.include('ETag: "x"');
  });
});

describe('lines of an answer made here', () => {
  const options = { contentType: 'text/plain', location: null, add: [], serverTokens: false };

  it('Server, Date and a type', () => {
    const add = [{ name: 'X-A', value: template('1'), always: false }];
    const edits = localEdits({ ...options, add });
    expect(lines(edits.first)).to.deep.equal(['Server: wirehop', 'Date: now', 'Content-Type: text/plain']);
    expect(lines(edits.last)).to.deep.equal(['X-A: 1']);
  });

  for (const [target, text, facts] of [
    ['https://else.example/', 'https://else.example/', {}],
    ['/there?a', 'http://example.com:8080/there?a', {}],
    ['/there', 'http://example.com/there', { localPort: 80 }],
    ['/there', 'https://example.com/there', { localPort: 443, secure: true }],
    ['$scheme://$host/x', 'http://example.com/x', {}],
  ] as const) {
    it(`Location ${target} is ${text}`, () => {
      const edits = localEdits({
        ...options,
        contentType: null,
        location: new AbsoluteLocation(template(target)),
      });
      expect(lines(edits.first, exchangeOf(undefined, facts))).to.include(`Location: ${text}`);
    });
  }
});

describe('built-in pages', () => {
  for (const [status, phrase] of [
    [405, 'Not Allowed'],
    [413, 'Request Entity Too Large'],
    [414, 'Request-URI Too Large'],
    [502, 'Bad Gateway'],
    [504, 'Gateway Time-out'],
  ] as const) {
    it(`${status} ${phrase}`, () => {
      expect(reasonPhrase(status)).to.equal(phrase);
      const page = builtInPage(status).toString('latin1');
      expect(page).to.include(`<title>${status} ${phrase}</title>`);
      expect(page).to.include(`<h1>${status} ${phrase}</h1>`);
      expect(page).to.include('wirehop');
    });
  }

  it("nginx's inner statuses are 400 on the wire, with a page of their own", () => {
    const page = builtInPage(497).toString('latin1');
    expect(wireStatus(497)).to.equal(400);
    expect(reasonPhrase(497)).to.equal('Bad Request');
    expect(page).to.include('<title>400 The plain HTTP request was sent to HTTPS port</title>');
    expect(page).to.include('<h1>400 Bad Request</h1>');
    expect(page).to.include('<center>The plain HTTP request was sent to HTTPS port</center>');
  });

  it('302 is Moved Temporarily on the wire and Found on its page, as in nginx', () => {
    expect(reasonPhrase(302)).to.equal('Moved Temporarily');
    expect(builtInPage(302).toString('latin1')).to.include('<h1>302 Found</h1>');
  });

  for (const status of [200, 204, 304, 444, 418, 999]) {
    it(`${status} has no page`, () => expect(builtInPage(status)).to.have.length(0));
  }

  it('a page is made once', () => expect(builtInPage(404)).to.equal(builtInPage(404)));
});

describe('identity', () => {
  it('the version is that of package.json', () => {
    const manifest = new URL('../../../package.json', import.meta.url);
    expect((JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version).to.equal(VERSION);
  });
});
