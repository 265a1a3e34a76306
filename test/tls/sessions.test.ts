/** Kept sessions have bounds on both sides, and what a session says of itself is read. */
import { expect } from 'chai';
import { SessionStore, SESSIONS_PER_OCTET } from '../../src/config/build/session-store.js';
import { LatestSessions, MOST_SESSIONS } from '../../src/driver/tls-dial.js';
import { sessionIdOf } from '../../src/driver/tls-facts.js';

describe('TLS sessions', () => {
  it('of clients: the oldest makes room', () => {
    const store = new SessionStore(2);
    const id = (n: number): Buffer => Buffer.from([n, 0xff, 0]);
    for (const n of [1, 2, 3]) store.put(id(n), Buffer.from([n]));
    expect([1, 2, 3].map((n) => store.get(id(n))?.[0])).to.deep.equal([undefined, 2, 3]);
    expect(Math.round(SESSIONS_PER_OCTET * 1024 * 1024)).to.equal(4000);
  });

  it('of upstreams: the latest of each key, and a bounded number of keys', () => {
    const sessions = new LatestSessions();
    sessions.put('kept', Buffer.from('first'));
    for (let i = 1; i < MOST_SESSIONS; i++) sessions.put(`${i}`, Buffer.from('x'));
    sessions.put('kept', Buffer.from('second'));
    sessions.put('one more', Buffer.from('x'));
    expect(String(sessions.get('kept'))).to.equal('second');
    expect(sessions.get('1')).to.equal(undefined);
    expect(sessions.get('2')).to.not.equal(undefined);
  });

  it('the identifier is read off a serialised session; of anything else there is none', () => {
    // version 1, protocol 0303, cipher 1301, identifier of three octets, and more
    const parts = [0x02, 1, 1, 0x02, 2, 3, 3, 0x04, 2, 0x13, 1, 0x04, 3, 0xaa, 0xbb, 0xcc, 0x04, 1, 0];
    expect(sessionIdOf(Buffer.from([0x30, parts.length, ...parts]))).to.equal('aabbcc');
    expect(sessionIdOf(Buffer.from([0x30, 0x82, 0, parts.length, ...parts]))).to.equal('aabbcc');
    for (const octets of [[], [0x31, 0], [0x30], [0x30, 2, 1], [0x30, 0x82, 0, 200, 2, 200]]) {
      expect(sessionIdOf(Buffer.from(octets))).to.equal('');
    }
    expect(sessionIdOf(undefined)).to.equal('');
  });
});
