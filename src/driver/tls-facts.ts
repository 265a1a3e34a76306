/**
 * What a TLS socket knows after its handshake, as plain values: a log line will want them when the socket is gone.
 * Decides nothing.
 */
import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { TlsFacts } from '../machine/security.js';

/** OpenSSL stops looking for issuers at the depth that is set, and says that it found none. */
const CHAIN_TOO_LONG = 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY';

/**
 * Reads the facts off a socket whose handshake is over.
 * @param maxVerifyDepth most certificates between the peer's and its trust anchor
 */
export function tlsFacts(socket: TLSSocket, maxVerifyDepth = Infinity): TlsFacts {
  return new SocketFacts(socket, maxVerifyDepth);
}

class SocketFacts implements TlsFacts {
  readonly protocol: string;
  readonly cipher: string;
  readonly serverName: string;
  readonly alpn: string;
  readonly isResumed: boolean;
  readonly certificate: X509Certificate | null;
  readonly verifyError: string;
  private id: string | null = null;

  constructor(
    private readonly socket: TLSSocket,
    maxVerifyDepth: number,
  ) {
    const { servername } = socket as { servername?: unknown };
    this.protocol = socket.getProtocol() ?? '';
    this.cipher = socket.getCipher()?.name ?? '';
    this.serverName = typeof servername === 'string' ? servername : '';
    this.alpn = typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : '';
    this.isResumed = socket.isSessionReused();
    this.certificate = peerCertificate(socket);
    this.verifyError = this.certificate === null ? '' : verifyErrorOf(socket, maxVerifyDepth);
  }

  /** Making it costs a copy of the session, so it waits until somebody asks. */
  get sessionId(): string {
    return (this.id ??= sessionIdOf(this.socket.getSession()));
  }
}

/**
 * What the peer showed; null for nothing. Not by getPeerX509Certificate(), which on a client takes the certificate out
 * of the connection (Node 20 to 26).
 */
export function peerCertificate(socket: TLSSocket): X509Certificate | null {
  const { raw } = (socket.getPeerCertificate() as { raw?: Buffer } | null) ?? {};
  return raw === undefined ? null : new X509Certificate(raw);
}

/** Why the peer's certificate cannot be trusted, by OpenSSL's name; '' where it can. */
export function verifyErrorOf(socket: TLSSocket, maxVerifyDepth: number): string {
  const error = chainError(socket);
  if (error !== null) return error.code ?? error.message;
  return depthOf(socket.getPeerCertificate(true)) > maxVerifyDepth ? CHAIN_TOO_LONG : '';
}

/**
 * OpenSSL's verdict. Node hands it out as `authorizationError` for sockets that its own listeners made; for one that was
 * made by hand it is where those look. Whatever is not found there is no trust.
 */
function chainError(socket: TLSSocket): NodeJS.ErrnoException | null {
  const { ssl } = socket as { ssl?: { verifyError?: () => NodeJS.ErrnoException | null | undefined } };
  if (typeof ssl?.verifyError !== 'function') return new Error('VERDICT_UNKNOWN');
  return ssl.verifyError() ?? null;
}

/** Certificates between this one and its trust anchor, neither counted, as OpenSSL's verify depth has it. */
function depthOf(certificate: DetailedPeerCertificate): number {
  let issuers = 0;
  // A root names itself as its issuer.
  for (let at = certificate; at.issuerCertificate !== undefined && at.issuerCertificate !== at; issuers++) {
    at = at.issuerCertificate;
  }
  return Math.max(0, issuers - 1);
}

const TAG_SEQUENCE = 0x30;
const TAG_OCTETS = 0x04;

/**
 * The identifier in a serialised session: SSL_SESSION ::= SEQUENCE { version, protocol, cipher, sessionID OCTET STRING,
 * ... } (d2i_SSL_SESSION(3)).
 */
export function sessionIdOf(session: Buffer | undefined): string {
  if (session === undefined || session[0] !== TAG_SEQUENCE) return '';
  let at = session[1] < 0x80 ? 2 : 2 + (session[1] & 0x7f);
  // Version, protocol and cipher are short.
  for (let i = 0; i < 3; i++) at += 2 + (session[at + 1] ?? 0);
  if (session[at] !== TAG_OCTETS) return '';
  return session.toString('hex', at + 2, at + 2 + session[at + 1]);
}
