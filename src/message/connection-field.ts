/**
 * Reads Connection as the list that it is, over all its lines, in any case (RFC 9110 7.6.1). Decides which received
 * fields are hop-by-hop for this message; llhttp's own reading is not used (a TAB behind a member hides it there).
 */
import { CLASS, COMMA, equalsFolded, FOLD, latin1, SP, TAB, TOKEN } from '../bytes/octets.js';
import { CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING } from './field-names.js';
import * as h from './head.js';
import type { Head } from './head.js';

const CLOSE = latin1('close');
const KEEP_ALIVE = latin1('keep-alive');
const UPGRADE = latin1('upgrade');

/** Sets `head.connection`, and {@link h.NOMINATED} on every field that a member names. */
export function readConnection(head: Head): void {
  head.connection = 0;
  for (let i = 0; i < head.count; i++) {
    const f = i * h.FIELD_STRIDE;
    if ((head.fields[f + h.NAME_ID] & h.ID_MASK) === CONNECTION) {
      readList(head, head.fields[f + h.VALUE_START], head.fields[f + h.VALUE_END]);
    }
  }
}

function readList(head: Head, start: number, end: number): void {
  const octets = head.octets;
  let i = start;
  while (i < end) {
    while (i < end && (octets[i] === SP || octets[i] === TAB || octets[i] === COMMA)) i++;
    const member = i;
    while (i < end && (CLASS[octets[i]] & TOKEN) !== 0) i++;
    const memberEnd = i;
    let isToken = memberEnd > member;
    for (; i < end && octets[i] !== COMMA; i++) {
      // Something behind the token other than OWS: not a member by the list's grammar, so it says nothing.
      if (octets[i] !== SP && octets[i] !== TAB) isToken = false;
    }
    if (isToken) head.connection |= option(head, member, memberEnd);
  }
}

function option(head: Head, start: number, end: number): number {
  const octets = head.octets;
  if (equalsFolded(octets, start, end, CLOSE)) return h.OPTION_CLOSE;
  if (equalsFolded(octets, start, end, KEEP_ALIVE)) return h.OPTION_KEEP_ALIVE;
  if (equalsFolded(octets, start, end, UPGRADE)) return h.OPTION_UPGRADE;
  nominate(head, start, end);
  return h.OPTION_OTHER;
}

/**
 * Whether Connection in `head` names the field octets[start, end) of its trailer section. Trailer fields have no marks of
 * their own; `head.connection` says whether it is worth asking.
 */
export function isNominated(head: Head, octets: Uint8Array, start: number, end: number): boolean {
  const name = Buffer.from(octets.buffer, octets.byteOffset + start, end - start)
    .toString('latin1')
    .toLowerCase();
  return head
    .joinedText(CONNECTION)
    .split(',')
    .some((member) => member.trim().toLowerCase() === name);
}

/** Marks the fields named by octets[start, end). Host and the framing fields keep their meaning whatever is said. */
function nominate(head: Head, start: number, end: number): void {
  const { octets, fields } = head;
  next: for (let i = 0; i < head.count; i++) {
    const f = i * h.FIELD_STRIDE;
    const name = fields[f + h.NAME_START];
    if (fields[f + h.NAME_END] - name !== end - start) continue;
    for (let k = 0; k < end - start; k++) {
      if (FOLD[octets[name + k]] !== FOLD[octets[start + k]]) continue next;
    }
    const id = fields[f + h.NAME_ID];
    if (id !== HOST && id !== CONTENT_LENGTH && id !== TRANSFER_ENCODING)
      fields[f + h.NAME_ID] = id | h.NOMINATED;
  }
}

/**
 * Members of a list as text: in lower case, without OWS and without empty ones (RFC 9110 5.6.1). OWS is SP and TAB:
 * JavaScript's trim() would also take an octet 0xA0 for white space, which no other reader of the line does.
 * For lists that are looked at once per connection or handshake; heads are read without making strings.
 * @param text Latin-1
 */
export function listMembers(text: string): string[] {
  return text
    .toLowerCase()
    .split(',')
    .map((member) => member.replace(/^[\t ]+|[\t ]+$/g, ''))
    .filter((member) => member !== '');
}
