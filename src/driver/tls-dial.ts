/**
 * TLS towards upstreams. Decides when such a connection is there: after the handshake, and after the certificate was
 * looked at where the configuration wants that. Keeps sessions for the next handshake with the same peer, by the same
 * rules, under the same name.
 */
import { isIP, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { ErrorCode } from '../error.js';
import type { Peer } from '../machine/policy.js';
import type { DialSecurity, DialSocket } from '../machine/security.js';
import { connectingSocket, NetTransport } from './net-transport.js';
import { peerCertificate, verifyErrorOf } from './tls-facts.js';
import type { DialEvents } from './transport.js';

/** Sessions kept by one location's rules: names may come from requests, and must not fill the memory. */
export const MOST_SESSIONS = 1000;

/** The latest session of each key, and of the latest keys. */
export class LatestSessions {
  private readonly sessions = new Map<string, Buffer>();

  get(key: string): Buffer | undefined {
    return this.sessions.get(key);
  }

  put(key: string, session: Buffer): void {
    // The newest stands last.
    this.sessions.delete(key);
    this.sessions.set(key, session);
    if (this.sessions.size > MOST_SESSIONS) this.sessions.delete(this.sessions.keys().next().value as string);
  }
}

const sessionsOf = new WeakMap<DialSecurity, LatestSessions>();

/**
 * Begins to connect to `peer` and to shake hands. The outcome comes later, never during the call.
 * @param preface written first, in the clear; empty for nothing
 * @param name the certificate must be for it, if it is looked at
 */
export function connectSecurely(
  peer: Peer,
  events: DialEvents,
  security: DialSecurity,
  name: string,
  preface: Buffer,
  options?: DialSocket,
): NetTransport {
  const carrier = connectingSocket(peer, options);
  // Its errors come through the TLS socket; one that comes when that is gone says nothing new.
  carrier.on('error', ignore);
  if (preface.length > 0) carrier.write(preface);
  const key = `${peer.name}\0${name}`;
  const session = security.resumesSessions ? sessionsOf.get(security)?.get(key) : undefined;
  const socket = connect({
    socket: carrier,
    secureContext: security.context,
    // No address is ever sent as a name (RFC 6066 3).
    ...(security.sendsName && name !== '' && isIP(name) === 0 ? { servername: name } : {}),
    ...(session === undefined ? {} : { session }),
    // Judged below: whoever reads the log is to know which of the two was wrong.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  return new SecureDial(socket, events, carrier, security, name, key);
}

function ignore(): void {
  // See connectSecurely().
}

/** The transport of such a connection. It gets its octets only once it is there. */
class SecureDial extends NetTransport {
  private isThere = false;
  private isConnected = false;
  /** A session that came before the certificate was looked at. */
  private early: Buffer | null = null;

  constructor(
    readonly tlsSocket: TLSSocket,
    private readonly dialEvents: DialEvents,
    carrier: Socket,
    private readonly security: DialSecurity,
    private readonly name: string,
    private readonly key: string,
  ) {
    super(tlsSocket, dialEvents, false, carrier);
    tlsSocket.disableRenegotiation();
    carrier.once('connect', () => (this.isConnected = true));
    tlsSocket.once('secureConnect', () => this.shaken());
    if (security.resumesSessions) tlsSocket.on('session', (session: Buffer) => this.keep(session));
  }

  override failed(detail: string, code?: ErrorCode): void {
    const isTls = this.isConnected && !this.isThere;
    super.failed(detail, code ?? (isTls ? 'UPSTREAM_TLS' : undefined));
  }

  /** @internal The peer has closed: before the handshake is over that is a failure, not an end. */
  override ended(): void {
    if (this.isThere) {
      super.ended();
      return;
    }
    this.failed('');
    this.tlsSocket.destroy();
  }

  private shaken(): void {
    const fault = this.security.verifies ? this.judge() : '';
    if (fault !== '') {
      super.failed(fault, 'UPSTREAM_CERTIFICATE');
      this.tlsSocket.destroy();
      return;
    }
    this.isThere = true;
    if (this.early !== null) this.keep(this.early);
    this.early = null;
    this.dialEvents.onConnect(this);
  }

  /** What is wrong with the peer's certificate, or ''. A resumed session was judged when it was made. */
  private judge(): string {
    const { tlsSocket, name } = this;
    const error = verifyErrorOf(
      tlsSocket,
      tlsSocket.isSessionReused() ? Infinity : this.security.maxVerifyDepth,
    );
    if (error !== '') return error;
    const certificate = peerCertificate(tlsSocket);
    if (certificate === null) return tlsSocket.isSessionReused() ? '' : 'NO_CERTIFICATE';
    const isFor = isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name);
    return isFor === undefined ? `NAME_MISMATCH ${name}` : '';
  }

  private keep(session: Buffer): void {
    if (!this.isThere) {
      this.early = session;
      return;
    }
    let sessions = sessionsOf.get(this.security);
    if (sessions === undefined) sessionsOf.set(this.security, (sessions = new LatestSessions()));
    sessions.put(this.key, session);
  }
}
