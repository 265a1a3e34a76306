/**
 * Connection as a list (RFC 9110 7.6.1), and lists as text.
 */
import { expect } from 'chai';
import { listMembers, readConnection } from '../../src/message/connection-field.js';
import { FIELD_NAMES } from '../../src/message/field-names.js';
import * as h from '../../src/message/head.js';
import { headWith } from './fields.js';

describe('Connection', () => {
  const CASES: readonly [lines: string[], options: string[], nominated: string[]][] = [
    [[], [], []],
    [['Connection: close'], ['close'], []],
    [['Connection: CLOSE'], ['close'], []],
    [['Connection: close', 'connection: Keep-Alive'], ['close', 'keep-alive'], []],
    [['Connection: upgrade,close'], ['close', 'upgrade'], []],
    [['Connection: \tclose\t,\tupgrade\t'], ['close', 'upgrade'], []],
    [['Connection: ,, ,close,, '], ['close'], []],
    [['Connection:'], [], []],
    [['Connection: ,'], [], []],
    [['Connection: closed, xclose, clos'], ['other'], []],
    [['Connection: "close"'], [], []],
    [['Connection: close x'], [], []],
    [['Connection: close;q=1'], [], []],
    [['Connection: close\xa0'], [], []],
    [['Connection: a', 'A: 1', 'b: 2', 'a: 3'], ['other'], ['A', 'a']],
    [['A: 1', 'B: 2', 'Connection: b,a'], ['other'], ['A', 'B']],
    [['Connection: host', 'Host: x'], ['other'], []],
    [['Connection: content-length,transfer-encoding', 'Content-Length: 1'], ['other'], []],
    [['Connection: connection, te', 'TE: x'], ['other'], ['Connection', 'TE']],
    [['Connection: expect', 'Expect: 100-continue'], ['other'], ['Expect']],
    // An option is no name.
    [['Connection: close', 'Close: 1'], ['close'], []],
  ];
  const NAMES = ['close', 'keep-alive', 'upgrade', 'other'];

  for (const [lines, options, nominated] of CASES) {
    it(JSON.stringify(lines), () => {
      const head = headWith(lines);
      readConnection(head);
      expect(NAMES.filter((_, bit) => (head.connection & (1 << bit)) !== 0)).to.deep.equal(options);
      const marked: string[] = [];
      for (let i = 0; i < head.count; i++) {
        const f = i * h.FIELD_STRIDE;
        if (head.fields[f + h.NAME_ID] < h.NOMINATED) continue;
        marked.push(head.text(head.fields[f], head.fields[f + 1]));
        // The id is still there.
        const id = FIELD_NAMES.find(head.octets, head.fields[f], head.fields[f + 1]);
        expect(head.fields[f + h.NAME_ID] & h.ID_MASK).to.equal(id);
      }
      expect(marked).to.deep.equal(nominated);
    });
  }

  it('is read anew each time', () => {
    const head = headWith(['Connection: close']);
    readConnection(head);
    head.count = 0;
    readConnection(head);
    expect(head.connection).to.equal(0);
  });
});

describe('listMembers', () => {
  for (const [text, members] of [
    ['', []],
    [' ,\t, ', []],
    ['a', ['a']],
    [' A ,\tb c\t,,D', ['a', 'b c', 'd']],
    // 0xA0 is no OWS, whatever String.prototype.trim thinks.
    ['close\xa0, \xa0x', ['close\xa0', '\xa0x']],
    ['a\x0b,\x0cb', ['a\x0b', '\x0cb']],
  ] as const) {
    it(JSON.stringify(text), () => expect(listMembers(text)).to.deep.equal(members));
  }
});
