/**
 * The server's side of a TLS handshake on a socket that was accepted in the clear. Decides nothing about servers: that
 * choice was made by the name in the client hello.
 */
import type { Socket } from 'node:net';
import { Server, TLSSocket } from 'node:tls';
import type { ServerSecurity, SessionCache } from '../machine/security.js';

/** What nginx offers beside HTTP/2. A client that names others alone is refused (RFC 7301 3.2). */
const PROTOCOLS = ['http/1.1', 'http/1.0', 'http/0.9'];
const FULL_RECORD_OCTETS = 16_384;

/** Node asks a server for its kept sessions; these never listen. */
const cacheServers = new WeakMap<SessionCache, Server>();

/**
 * Begins the handshake. The socket's octets must have been put back in front of it.
 * @returns the TLS socket; it emits `secure` once the handshake is over
 */
export function serveSecurely(carrier: Socket, security: ServerSecurity): TLSSocket {
  const { context, requestsCertificate, maxRecordOctets, sessions } = security;
  // Its errors come through the TLS socket; one that comes when that is gone says nothing new.
  carrier.on('error', ignore);
  const socket = new TLSSocket(carrier, {
    isServer: true,
    secureContext: context,
    requestCert: requestsCertificate,
    // The policy answers those who cannot be trusted: a person is to read why.
    rejectUnauthorized: false,
    ALPNProtocols: PROTOCOLS,
    ...(sessions === null ? {} : { server: cacheServer(sessions) }),
  });
  if (maxRecordOctets < FULL_RECORD_OCTETS) socket.setMaxSendFragment(maxRecordOctets);
  return socket;
}

function ignore(): void {
  // See serveSecurely().
}

function cacheServer(sessions: SessionCache): Server {
  let server = cacheServers.get(sessions);
  if (server === undefined) {
    server = new Server();
    server.on('newSession', (id: Buffer, session: Buffer, done: () => void) => {
      sessions.put(id, session);
      done();
    });
    server.on('resumeSession', (id: Buffer, done: (error: Error | null, session: Buffer | null) => void) =>
      done(null, sessions.get(id)),
    );
    cacheServers.set(sessions, server);
  }
  return server;
}
