/**
 * What TLS says about a request, before any location: requests in the clear on a port for TLS, certificates that are
 * missing or not to be trusted, hosts that TLS was not negotiated for. Decides as nginx does (`ngx_http_process_request`
 * and `ngx_http_set_virtual_server`), and more strictly where one server's certificate could open another.
 */
import type { ErrorCode } from '../error.js';
import type { ConnectionFacts } from '../machine/policy.js';
import type { ArrivalRules, ServerSecurity, TlsFacts } from '../machine/security.js';
import type { ListenerModel, ServerModel } from './model.js';

/** nginx's inner statuses, which `error_page` knows. On the wire they are 400. */
export const CERTIFICATE_ERROR = 495;
export const NO_CERTIFICATE = 496;
export const CLEAR_TO_TLS = 497;
export const MISDIRECTED = 421;

/** Why a request is refused. */
export interface Refusal {
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
}

const CLEAR: Refusal = { status: CLEAR_TO_TLS, code: 'TLS_MISSING', detail: '' };
const MISSING: Refusal = { status: NO_CERTIFICATE, code: 'CERTIFICATE_MISSING', detail: '' };
const ELSEWHERE: Refusal = { status: MISDIRECTED, code: 'HOST_MISDIRECTED', detail: '' };

/** Verdicts that `ssl_verify_client optional_no_ca` forgives (`ngx_ssl_verify_error_optional`). */
const WITHOUT_ISSUER = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** The gate of one listener with TLS. */
export class TlsGate {
  /** @param serverOf the server of a name in lower case, the default one for '' and names that nobody has */
  constructor(
    private readonly listener: ListenerModel,
    private readonly serverOf: (name: string) => ServerModel,
  ) {}

  /** TLS for a client that sends this name; null where the handshake is refused. */
  security(serverName: string): ServerSecurity | null {
    const { tls } = this.serverOf(plainName(serverName));
    if (tls?.rejects === true) return null;
    return tls?.security ?? this.listener.defaultServer.tls?.security ?? null;
  }

  /** Why `server` does not take a request that came on this connection; null where it does. */
  refusal(connection: ConnectionFacts, server: ServerModel): Refusal | null {
    const { tls } = connection;
    if (!connection.secure) return CLEAR;
    const verify = server.tls?.verify ?? 'off';
    if (verify === 'off' || tls == null) return null;
    // By another server's rules the client was asked for nothing, or its certificate judged by others.
    if (this.securityOf(server) !== this.security(tls.serverName)) return ELSEWHERE;
    return judge(tls, verify);
  }

  private securityOf(server: ServerModel): ServerSecurity | null {
    return server.tls?.security ?? this.listener.defaultServer.tls?.security ?? null;
  }
}

function judge({ certificate, verifyError }: TlsFacts, verify: string): Refusal | null {
  if (certificate === null) return verify === 'on' ? MISSING : null;
  if (verifyError === '' || (verify === 'optional_no_ca' && WITHOUT_ISSUER.has(verifyError))) return null;
  return { status: CERTIFICATE_ERROR, code: 'CERTIFICATE_INVALID', detail: verifyError };
}

/** As servers are named: lower case, no dot at the end. What is no host name is nobody's. */
export function plainName(serverName: string): string {
  const name = serverName.toLowerCase().replace(/\.$/, '');
  return /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name) ? name : '';
}

/** What comes in front of the first request on the connections of a listener; undefined for nothing. */
export function arrivalRules(listener: ListenerModel, gate: TlsGate | null): ArrivalRules | undefined {
  const expectsProxyHeader = listener.expectsProxyHeader === true;
  if (gate === null && !expectsProxyHeader) return undefined;
  return {
    expectsProxyHeader,
    security: gate === null ? undefined : (name) => gate.security(name),
    timeoutMs: listener.defaultServer.reading.headTimeoutMs,
  };
}
