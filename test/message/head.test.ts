/**
 * A head as a value, the edits that are compiled for it, and the comparison of protocols.
 */
import { expect } from 'chai';
import { OctetWriter } from '../../src/bytes/octet-writer.js';
import { ConstantValue, FieldEdits, fieldSet } from '../../src/message/field-edits.js';
import { CONTENT_LENGTH, FIELD_NAMES, HOP_BY_HOP, HOST, UPGRADE } from '../../src/message/field-names.js';
import { sharesProtocol } from '../../src/message/protocols.js';
import { headWith } from './fields.js';

describe('head', () => {
  const head = headWith(['Host: a', 'Upgrade: b', 'upgrade:  c\xe9 ', 'X:', 'UPGRADE:']);
  it('finds a field by its id', () => {
    expect(head.findField(HOST)).to.equal(0);
    expect(head.findField(UPGRADE)).to.equal(1);
    expect(head.findField(CONTENT_LENGTH)).to.equal(-1);
  });
  it('gives values as Latin-1 text, without OWS', () => {
    expect(head.valueText(2)).to.equal('c\xe9');
    expect(head.valueText(3)).to.equal('');
  });
  it('joins the lines of one name (RFC 9110 5.3)', () => {
    expect(head.joinedText(UPGRADE)).to.equal('b, c\xe9, ');
    expect(head.joinedText(CONTENT_LENGTH)).to.equal('');
  });
  it('shows nothing of itself once it is cleared', () => {
    const used = headWith(['Host: a']);
    used.status = 200;
    used.contentLength = 5;
    used.clear();
    expect([used.count, used.length, used.status, used.contentLength]).to.deep.equal([0, 0, 0, 0]);
    expect(used.findField(HOST)).to.equal(-1);
  });
});

describe('field edits', () => {
  it('drop hop-by-hop fields whatever is asked, and never Content-Length', () => {
    const edits = new FieldEdits<null>(['Content-Length', 'X-Edit-1'], [fieldSet('x-edit-2', 'y')]);
    for (const id of HOP_BY_HOP) expect(edits.drops[id], FIELD_NAMES.name(id)).to.equal(1);
    expect(edits.drops[CONTENT_LENGTH]).to.equal(0);
    expect(edits.drops[FIELD_NAMES.intern('x-edit-1')]).to.equal(1);
    expect(edits.drops[FIELD_NAMES.intern('X-EDIT-2')]).to.equal(1);
    expect(edits.drops[HOST]).to.equal(0);
  });
  it('leave received lines of a name that is only added behind', () => {
    const edits = new FieldEdits<null>([], [], [fieldSet('X-Edit-3', 'y')]);
    expect(edits.drops[FIELD_NAMES.intern('x-edit-3')]).to.equal(0);
  });
  it('do not know names that come later', () => {
    const edits = new FieldEdits<null>([], []);
    const later = FIELD_NAMES.intern('x-interned-later');
    expect(later).to.be.at.least(edits.drops.length);
  });

  for (const name of ['', 'a b', 'a:', 'a\r\nb', '\xe9', 'a(', '\u212a']) {
    it(`refuse the name ${JSON.stringify(name)}`, () =>
      expect(() => fieldSet(name, 'x')).to.throw(RangeError, 'not a field name'));
  }
  it('refuse a constant that is not Latin-1', () =>
    expect(() => fieldSet('X', '\u20ac')).to.throw(RangeError));
  it('keep the spelling of a name, and its id in any case', () => {
    const set = fieldSet<null>('X-SpElT', 'v');
    expect(Buffer.from(set.prefix).toString()).to.equal('X-SpElT: ');
    expect(set.id).to.equal(FIELD_NAMES.intern('x-spelt'));
    expect(set.always).to.equal(false);
  });
  it('lay down constants', () => {
    const out = new OctetWriter();
    out.begin();
    new ConstantValue('caf\xe9').put(null, out);
    expect(out.octets.toString('latin1', 0, out.position)).to.equal('caf\xe9');
  });
});

describe('protocols of an upgrade', () => {
  const CASES: readonly [offer: string[], answer: string[], shares: boolean][] = [
    [['websocket'], ['websocket'], true],
    [['websocket'], ['WebSocket'], true],
    [['h2c, websocket'], ['websocket'], true],
    [['h2c', 'websocket'], ['websocket, h2c'], true],
    [['websocket'], ['h2c'], false],
    [['websocket'], ['websocket, h2c'], false],
    [['websocket'], [], false],
    [['websocket'], [''], false],
    [[], ['websocket'], false],
    [['websocket/13'], ['websocket'], false],
    [['websocket'], ['websocket\xa0'], false],
  ];
  for (const [offer, answer, shares] of CASES) {
    it(`offered ${JSON.stringify(offer)}, accepted ${JSON.stringify(answer)}: ${shares}`, () => {
      const lines = (names: readonly string[]): string[] => names.map((name) => `Upgrade: ${name}`);
      expect(sharesProtocol(headWith(lines(offer)), headWith(lines(answer)), UPGRADE)).to.equal(shares);
    });
  }
});
