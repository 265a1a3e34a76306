/**
 * Compares the protocols of two Upgrade fields (RFC 9110 7.8): what was offered, and what was accepted.
 */
import { listMembers } from './connection-field.js';
import { ID_MASK, NAME_ID, FIELD_STRIDE, type Head } from './head.js';

/** Whether every protocol that `answer` names in fields with this id is among those that `offer` names, and one is. */
export function sharesProtocol(offer: Head, answer: Head, id: number): boolean {
  const offered = names(offer, id);
  const accepted = names(answer, id);
  return accepted.length > 0 && accepted.every((name) => offered.includes(name));
}

/** Whether fields with this id name the protocol. @param protocol in lower case */
export function namesProtocol(head: Head, id: number, protocol: string): boolean {
  return names(head, id).includes(protocol);
}

/** Protocol names compare without regard to case (RFC 9110 7.8). Once per handshake: strings are cheap enough. */
function names(head: Head, id: number): string[] {
  const all: string[] = [];
  for (let i = 0; i < head.count; i++) {
    if ((head.fields[i * FIELD_STRIDE + NAME_ID] & ID_MASK) !== id) continue;
    all.push(...listMembers(head.valueText(i)));
  }
  return all;
}
