/**
 * Variables of TLS ($ssl_...) and of the PROXY header ($proxy_protocol_...). All of them are settled before the first
 * request; without TLS, or without a header, they are empty.
 */
import type { X509Certificate } from 'node:crypto';
import type { Exchange } from '../machine/exchange.js';
import type { ProxyHeader, TlsFacts } from '../machine/security.js';

import type { Variable, VariableFamily } from './variables.js';

function ofTls(text: (tls: TlsFacts) => string): Variable {
  return {
    text: ({ connection: { tls } }: Exchange) => (tls == null ? '' : text(tls)),
    isStable: true,
  };
}

function ofCertificate(text: (certificate: X509Certificate) => string): Variable {
  return ofTls(({ certificate }) => (certificate === null ? '' : text(certificate)));
}

/** OpenSSL's words for its verdicts (X509_verify_cert_error_string(3)). */
const VERDICTS: Readonly<Record<string, string>> = {
  UNABLE_TO_GET_ISSUER_CERT: 'unable to get issuer certificate',
  UNABLE_TO_GET_CRL: 'unable to get certificate CRL',
  UNABLE_TO_DECRYPT_CERT_SIGNATURE: "unable to decrypt certificate's signature",
  UNABLE_TO_DECRYPT_CRL_SIGNATURE: "unable to decrypt CRL's signature",
  UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: 'unable to decode issuer public key',
  CERT_SIGNATURE_FAILURE: 'certificate signature failure',
  CRL_SIGNATURE_FAILURE: 'CRL signature failure',
  CERT_NOT_YET_VALID: 'certificate is not yet valid',
  CERT_HAS_EXPIRED: 'certificate has expired',
  CRL_NOT_YET_VALID: 'CRL is not yet valid',
  CRL_HAS_EXPIRED: 'CRL has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'self-signed certificate in certificate chain',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unable to get local issuer certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unable to verify the first certificate',
  CERT_CHAIN_TOO_LONG: 'certificate chain too long',
  CERT_REVOKED: 'certificate revoked',
  INVALID_CA: 'invalid CA certificate',
  PATH_LENGTH_EXCEEDED: 'path length constraint exceeded',
  INVALID_PURPOSE: 'unsuitable certificate purpose',
  CERT_UNTRUSTED: 'certificate not trusted',
  CERT_REJECTED: 'certificate rejected',
  HOSTNAME_MISMATCH: 'hostname mismatch',
};

/** A verdict in OpenSSL's words; the verdict's name where it has none here. */
export function verdictText(code: string): string {
  return VERDICTS[code] ?? code;
}

function verify({ certificate, verifyError }: TlsFacts): string {
  if (certificate === null) return 'NONE';
  return verifyError === '' ? 'SUCCESS' : `FAILED:${verdictText(verifyError)}`;
}

/**
 * A name in the form of RFC 2253: the last part first, commas between, octets beyond ASCII as `\C3`. Node's text has one
 * part a line, in the order of the certificate.
 */
export function distinguishedName(lines: string | undefined): string {
  const parts = (lines ?? '').split('\n').filter((line) => line !== '');
  return parts
    .reverse()
    .map((part) => escapeHigh(joinSet(part, '+')))
    .join(',');
}

/** The form of nginx before 1.11.6: `/C=DE/CN=example`. */
function legacyName(lines: string | undefined): string {
  const parts = (lines ?? '').split('\n').filter((line) => line !== '');
  return parts.map((part) => `/${escapeHigh(joinSet(part, '/'))}`).join('');
}

/** A part of several values: Node has " + " between them, and escapes every other plus. */
function joinSet(part: string, separator: string): string {
  return part.split(' + ').join(separator);
}

function escapeHigh(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[\x80-\xff]/g, (c) => `\\${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

const DAY_MS = 86_400_000;

function remainingDays({ validTo }: X509Certificate): string {
  return String(Math.max(0, Math.floor((Date.parse(validTo) - Date.now()) / DAY_MS)));
}

/** $ssl_... by name. */
export function tlsVariables(): Readonly<Record<string, Variable>> {
  return {
    ssl_protocol: ofTls((tls) => tls.protocol),
    ssl_cipher: ofTls((tls) => tls.cipher),
    ssl_server_name: ofTls((tls) => tls.serverName),
    ssl_alpn_protocol: ofTls((tls) => tls.alpn),
    ssl_session_reused: ofTls((tls) => (tls.isResumed ? 'r' : '.')),
    ssl_session_id: ofTls((tls) => tls.sessionId),
    ssl_early_data: ofTls(() => ''),
    ssl_client_verify: ofTls(verify),
    ssl_client_s_dn: ofCertificate(({ subject }) => distinguishedName(subject)),
    ssl_client_i_dn: ofCertificate(({ issuer }) => distinguishedName(issuer)),
    ssl_client_s_dn_legacy: ofCertificate(({ subject }) => legacyName(subject)),
    ssl_client_i_dn_legacy: ofCertificate(({ issuer }) => legacyName(issuer)),
    ssl_client_serial: ofCertificate(({ serialNumber }) => serialNumber),
    ssl_client_fingerprint: ofCertificate(({ fingerprint }) => fingerprint.replaceAll(':', '').toLowerCase()),
    ssl_client_raw_cert: ofCertificate((certificate) => certificate.toString()),
    // Continued lines of a field, as they once were allowed.
    ssl_client_cert: ofCertificate((certificate) =>
      certificate.toString().trimEnd().replaceAll('\n', '\n\t'),
    ),
    ssl_client_escaped_cert: ofCertificate((certificate) => encodeURIComponent(certificate.toString())),
    ssl_client_v_start: ofCertificate(({ validFrom }) => validFrom),
    ssl_client_v_end: ofCertificate(({ validTo }) => validTo),
    ssl_client_v_remain: ofCertificate(remainingDays),
    proxy_protocol_addr: ofHeader(({ address }) => address),
    proxy_protocol_port: ofHeader(({ port }) => portText(port)),
    proxy_protocol_server_addr: ofHeader(({ serverAddress }) => serverAddress),
    proxy_protocol_server_port: ofHeader(({ serverPort }) => portText(serverPort)),
  };
}

/** $proxy_protocol_tlv_NAME. */
export function tlsFamilies(): Readonly<Record<string, VariableFamily>> {
  return {
    proxy_protocol_tlv_ssl_: (member) => {
      const read = TLS_FIELDS[member];
      return read === undefined ? undefined : ofHeader((header) => read(fieldOf(header, TLV_SSL)));
    },
    proxy_protocol_tlv_: (member) => {
      const type = FIELDS[member] ?? (/^0x[0-9a-f]{1,2}$/.test(member) ? Number(member) : undefined);
      return type === undefined
        ? undefined
        : ofHeader((header) => fieldOf(header, type)?.toString('latin1') ?? '');
    },
  };
}

function ofHeader(text: (header: ProxyHeader) => string): Variable {
  return {
    text: ({ connection: { proxied } }: Exchange) => (proxied == null ? '' : text(proxied)),
    isStable: true,
  };
}

function portText(port: number): string {
  return port === 0 ? '' : String(port);
}

const TLV_SSL = 0x20;
/** Names of the fields (section 2.2 of the specification). */
const FIELDS: Readonly<Record<string, number>> = {
  alpn: 0x01,
  authority: 0x02,
  unique_id: 0x05,
  ssl: TLV_SSL,
  netns: 0x30,
};

type FieldText = (ssl: Buffer | undefined) => string;

/** What stands inside the field `ssl`: a bit field, a verdict, and fields of its own. */
const TLS_FIELDS: Readonly<Record<string, FieldText>> = {
  verify: (ssl) => (ssl === undefined || ssl.length < 5 ? '' : String(ssl.readUInt32BE(1))),
  version: nested(0x21),
  cn: nested(0x22),
  cipher: nested(0x23),
  sig_alg: nested(0x24),
  key_alg: nested(0x25),
};

function nested(type: number): FieldText {
  return (ssl) => {
    for (let at = 5; ssl !== undefined && at + 3 <= ssl.length;) {
      const end = at + 3 + ssl.readUInt16BE(at + 1);
      if (end > ssl.length) return '';
      if (ssl[at] === type) return ssl.toString('latin1', at + 3, end);
      at = end;
    }
    return '';
  };
}

function fieldOf(header: ProxyHeader, type: number): Buffer | undefined {
  return header.tlvs.find((tlv) => tlv.type === type)?.value;
}
