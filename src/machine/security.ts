/**
 * What is said about how connections begin: TLS and PROXY headers, on either side. Types alone; the driver acts on them,
 * and the machine never looks inside.
 */
import type { X509Certificate } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import type { Exchange } from './exchange.js';

export type { ProxyHeader, ProxyTlv } from '../wire/proxy-protocol/reader.js';

/** What comes in front of the first request on the connections of a listener. */
export interface ArrivalRules {
  /** A PROXY header comes first (listen ... proxy_protocol). */
  readonly expectsProxyHeader: boolean;
  /**
   * Chooses the server by the name in the client hello, as sent ('' for none); null for no server: the handshake is
   * refused (ssl_reject_handshake). Absent for a listener in the clear.
   */
  readonly security?: ((serverName: string) => ServerSecurity | null) | undefined;
  /** For all of it, from the accept (client_header_timeout). */
  readonly timeoutMs: number;
}

/** TLS as one server speaks it. */
export interface ServerSecurity {
  /** Certificates, protocols, ciphers and the rest, as Node takes them. */
  readonly context: SecureContext;
  /** The client is asked for a certificate; what it shows is judged by the policy. */
  readonly requestsCertificate: boolean;
  /** Most certificates between a client's and its trust anchor (ssl_verify_depth). */
  readonly maxVerifyDepth: number;
  /** Most octets of content in a record (ssl_buffer_size), 512 to 16384. */
  readonly maxRecordOctets: number;
  /** Sessions by their identifier, for connections without tickets (ssl_session_cache); null keeps none. */
  readonly sessions: SessionCache | null;
}

/** Serialised sessions by their identifiers. */
export interface SessionCache {
  /** The session of an identifier; null where it is not kept. */
  get(id: Buffer): Buffer | null;
  /** Keeps a session. */
  put(id: Buffer, session: Buffer): void;
}

/** What is known of a TLS connection after its handshake. */
export interface TlsFacts {
  /** `TLSv1.3`. */
  readonly protocol: string;
  /** OpenSSL's name of the cipher suite. */
  readonly cipher: string;
  /** From the client hello, as sent; '' for none. */
  readonly serverName: string;
  /** The protocol chosen by ALPN, or ''. */
  readonly alpn: string;
  /** A session was resumed: no certificate was exchanged. */
  readonly isResumed: boolean;
  /** Lower case hexadecimal; '' where there is none. Ask while the connection is open. */
  readonly sessionId: string;
  /** What the client showed; null for nothing. */
  readonly certificate: X509Certificate | null;
  /** Why the certificate cannot be trusted, by OpenSSL's name (`CERT_HAS_EXPIRED`); '' where it can. */
  readonly verifyError: string;
}

/** How connections to the peers of one location begin, where that is more than TCP. One object per location. */
export interface DialRules {
  /** null for connections in the clear. */
  readonly tls: DialSecurity | null;
  /** Version of the PROXY header that is sent first; 0 for none. Such connections serve one downstream connection. */
  readonly proxyHeader: 0 | 1 | 2;
  /** How its socket is made, where not by the system's defaults. */
  readonly socket?: DialSocket | undefined;
  /** In place of `socket`: it depends on the exchange. A connection is used again only from where it comes. */
  readonly socketOf?: ((exchange: Exchange) => DialSocket) | undefined;
}

/** Options of a socket towards an upstream. Nothing of them concerns a unix socket. */
export interface DialSocket {
  /** Numeric address that connections come from (proxy_bind); '' leaves it to the system. */
  readonly localAddress: string;
  /** 0 leaves it to the system. */
  readonly localPort: number;
  /** The system probes connections that are silent (proxy_socket_keepalive). */
  readonly keepsAlive: boolean;
}

/** TLS towards an upstream (proxy_ssl_...). */
export interface DialSecurity {
  /** Trusted certificates, protocols, ciphers and the rest, as Node takes them. */
  readonly context: SecureContext;
  /** The name that certificates are checked against, and sent if {@link sendsName}. */
  readonly nameOf: (exchange: Exchange) => string;
  /** The name goes into the client hello (proxy_ssl_server_name). */
  readonly sendsName: boolean;
  /** The certificate is looked at (proxy_ssl_verify). */
  readonly verifies: boolean;
  /** Most certificates between the upstream's and its trust anchor. */
  readonly maxVerifyDepth: number;
  /** Sessions are kept for the next handshake (proxy_ssl_session_reuse). */
  readonly resumesSessions: boolean;
}
