/**
 * Judges a response head that llhttp took. Decides whether it may be acted on and how its content ends; a fault here
 * is the upstream's, and a 502 downstream.
 */
import type { ErrorCode } from '../error.js';
import { CLASS, DIGIT, FIELD_VALUE, latin1, SP } from '../bytes/octets.js';
import { readConnection } from './connection-field.js';
import { CONNECTION, CONTENT_LENGTH, SINGLE_FIELDS, TRANSFER_ENCODING, UPGRADE } from './field-names.js';
import { decideResponseFraming } from './framing.js';
import * as h from './head.js';
import type { Head } from './head.js';

const HTTP_1 = latin1('HTTP/1.');

/**
 * Checks a complete response head and fills in what it decides. `head.startLineEnd` and the fields must be set.
 * @param toHead the request was HEAD
 * @returns the code of the first rule broken, or null for a good head
 */
export function checkResponse(head: Head, toHead: boolean): ErrorCode | null {
  return checkStatusLine(head) ?? checkFields(head, toHead);
}

/** HTTP/1.x SP 3DIGIT [SP reason] (RFC 9112 4; the SP without a reason is often left out, and llhttp takes that). */
function checkStatusLine(head: Head): ErrorCode | null {
  const { octets, startLineEnd } = head;
  if (startLineEnd < 12) return 'STATUS_LINE_INVALID';
  for (let i = 0; i < HTTP_1.length; i++) if (octets[i] !== HTTP_1[i]) return 'STATUS_LINE_INVALID';
  const minor = octets[7] - 0x30;
  if ((minor !== 0 && minor !== 1) || octets[8] !== SP) return 'STATUS_LINE_INVALID';
  let status = 0;
  for (let i = 9; i < 12; i++) {
    if ((CLASS[octets[i]] & DIGIT) === 0) return 'STATUS_LINE_INVALID';
    status = status * 10 + octets[i] - 0x30;
  }
  if (status < 100) return 'STATUS_LINE_INVALID';
  if (startLineEnd > 12 && octets[12] !== SP) return 'STATUS_LINE_INVALID';
  for (let i = 13; i < startLineEnd; i++)
    if ((CLASS[octets[i]] & FIELD_VALUE) === 0) return 'STATUS_LINE_INVALID';
  head.minorVersion = minor;
  head.status = status;
  head.reasonStart = Math.min(13, startLineEnd);
  head.reasonEnd = startLineEnd;
  return null;
}

function checkFields(head: Head, toHead: boolean): ErrorCode | null {
  const { fields, count } = head;
  let hasConnection = false;
  let lengths = 0;
  let lengthField = -1;
  let codings = 0;
  let codingField = -1;
  let seen = 0;
  head.connection = 0;
  head.upgradeField = -1;
  for (let i = 0, f = 0; i < count; i++, f += h.FIELD_STRIDE) {
    const id = fields[f + h.NAME_ID];
    if (id === 0) continue;
    if (id === CONTENT_LENGTH) {
      lengths++;
      lengthField = f;
    } else if (id === TRANSFER_ENCODING) {
      codings++;
      codingField = f;
    } else if (id === CONNECTION) {
      hasConnection = true;
    } else if (
      id === UPGRADE &&
      head.upgradeField < 0 &&
      fields[f + h.VALUE_START] < fields[f + h.VALUE_END]
    ) {
      head.upgradeField = i;
    } else if (id < SINGLE_FIELDS.length && SINGLE_FIELDS[id] !== 0) {
      if ((seen & SINGLE_FIELDS[id]) !== 0) fields[f + h.NAME_ID] = id | h.NOMINATED;
      seen |= SINGLE_FIELDS[id];
    }
  }
  if (hasConnection) readConnection(head);
  const fault = decideResponseFraming(head, toHead, lengths, lengthField, codings, codingField);
  if (fault !== null) return fault;
  head.keepsAlive =
    head.body !== h.BODY_UNTIL_CLOSE &&
    (head.connection & h.OPTION_CLOSE) === 0 &&
    (head.minorVersion === 1 || (head.connection & h.OPTION_KEEP_ALIVE) !== 0);
  return null;
}
