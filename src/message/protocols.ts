/**
 * Compares the protocols of two Upgrade fields (RFC 9110 7.8): what was offered, and what was accepted. Protocol names
 * compare without regard to case. Makes no string: a handshake is a connection's only request.
 */
import { COMMA, equalsFolded, FOLD, latin1, SP, TAB } from '../bytes/octets.js';
import { FIELD_STRIDE, type Head, ID_MASK, NAME_ID, VALUE_END, VALUE_START } from './head.js';

/** Whether every protocol that `answer` names in fields with this id is among those that `offer` names, and one is. */
export function sharesProtocol(offer: Head, answer: Head, id: number): boolean {
  let isOne = false;
  for (const member = new Member(answer, id); member.next(); isOne = true) {
    if (!names(offer, id, answer.octets, member.start, member.end)) return false;
  }
  return isOne;
}

/** Whether fields with this id name the protocol. @param protocol in lower case */
export function namesProtocol(head: Head, id: number, protocol: string): boolean {
  let octets = protocols.get(protocol);
  if (octets === undefined) protocols.set(protocol, (octets = latin1(protocol)));
  for (const member = new Member(head, id); member.next();) {
    if (equalsFolded(head.octets, member.start, member.end, octets)) return true;
  }
  return false;
}

/** The few that wirehop asks for by name, as octets. */
const protocols = new Map<string, Uint8Array>();

/** Whether fields with this id name what stands in octets[start, end). */
function names(head: Head, id: number, octets: Uint8Array, start: number, end: number): boolean {
  next: for (const member = new Member(head, id); member.next();) {
    if (member.end - member.start !== end - start) continue;
    for (let i = start, at = member.start; i < end; i++, at++) {
      if (FOLD[octets[i]] !== FOLD[head.octets[at]]) continue next;
    }
    return true;
  }
  return false;
}

/** Walks the members of a list over all lines of its field: without OWS, without empty ones (RFC 9110 5.6.1). */
class Member {
  start = 0;
  end = 0;
  private field = -1;
  private at = 0;
  private stop = 0;

  constructor(
    private readonly head: Head,
    private readonly id: number,
  ) {}

  /** Goes to the next member; answers false when there is none. */
  next(): boolean {
    const { octets } = this.head;
    for (;;) {
      while (this.at < this.stop && isBetween(octets[this.at])) this.at++;
      if (this.at < this.stop) break;
      if (!this.nextLine()) return false;
    }
    this.start = this.at;
    while (this.at < this.stop && octets[this.at] !== COMMA) this.at++;
    let { at } = this;
    while (isBetween(octets[at - 1])) at--;
    this.end = at;
    return true;
  }

  private nextLine(): boolean {
    const { fields, count } = this.head;
    while (++this.field < count) {
      const f = this.field * FIELD_STRIDE;
      if ((fields[f + NAME_ID] & ID_MASK) !== this.id) continue;
      this.at = fields[f + VALUE_START];
      this.stop = fields[f + VALUE_END];
      return true;
    }
    return false;
  }
}

function isBetween(octet: number): boolean {
  return octet === SP || octet === TAB || octet === COMMA;
}
