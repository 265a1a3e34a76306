/**
 * What wirehop's own answers say: nginx's phrases and pages.
 */
import { expect } from 'chai';
import { STATUS_CODES } from 'node:http';
import { builtInPage, reasonPhrase, wireStatus } from '../../src/message/statuses.js';

describe('statuses', () => {
  // ngx_http_header_filter_module.c, where they differ from the registry.
  for (const [status, phrase] of [
    [302, 'Moved Temporarily'],
    [405, 'Not Allowed'],
    [408, 'Request Time-out'],
    [413, 'Request Entity Too Large'],
    [414, 'Request-URI Too Large'],
    [416, 'Requested Range Not Satisfiable'],
    [503, 'Service Temporarily Unavailable'],
    [504, 'Gateway Time-out'],
    [299, ''],
  ] as const) {
    it(`${status} is "${phrase}"`, () => expect(reasonPhrase(status)).to.equal(phrase));
  }
  it('others are the registry\u2019s', () => {
    for (const status of [100, 101, 200, 204, 304, 400, 404, 417, 426, 500, 502, 505]) {
      expect(reasonPhrase(status)).to.equal(STATUS_CODES[status]);
    }
  });
  it('nginx\u2019s inner statuses are 400 on the wire', () => {
    for (const status of [494, 495, 496, 497]) {
      expect(wireStatus(status)).to.equal(400);
      expect(reasonPhrase(status)).to.equal('Bad Request');
      expect(builtInPage(status).toString()).to.match(/^<html>\r\n<head><title>400 /);
    }
    expect(wireStatus(404)).to.equal(404);
  });
  it('a page is made once, and is ASCII', () => {
    const page = builtInPage(404);
    expect(builtInPage(404)).to.equal(page);
    expect(page.toString('latin1')).to.match(/^[\r\n -~]+$/);
    expect(page.toString()).to.include('<title>404 Not Found</title>').and.include('<h1>404 Not Found</h1>');
  });
  for (const status of [100, 200, 204, 299, 304, 444, 599]) {
    it(`${status} has no page`, () => expect(builtInPage(status)).to.have.length(0));
  }
});
