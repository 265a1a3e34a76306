/**
 * From the ssl directives to what the driver begins handshakes with. Decides which files are read, and that they can be
 * used: a handshake meets no fault that a check of the configuration would not have told. Private keys stay inside
 * Node's contexts.
 */
import { constants, createHash, hkdfSync } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { DialRules, ServerSecurity, ServerTls } from '../../proxy/model.js';
import * as own from '../directives/tls.js';
import * as upstream from '../directives/proxy-tls.js';
import type { Level } from '../level.js';
import type { Place, Word } from '../syntax.js';
import { PemFiles } from './pem-files.js';
import { SessionStore, SESSIONS_PER_OCTET } from './session-store.js';
import type { Site } from './site.js';

/** OpenSSL's options that take a version out of the middle of a range. */
const WITHOUT: Record<own.Protocol, number> = {
  TLSv1: constants.SSL_OP_NO_TLSv1,
  'TLSv1.1': constants.SSL_OP_NO_TLSv1_1,
  'TLSv1.2': constants.SSL_OP_NO_TLSv1_2,
  'TLSv1.3': constants.SSL_OP_NO_TLSv1_3,
};

/** nginx's default for `ssl_ciphers`. */
const SERVER_CIPHERS = 'HIGH:!aNULL:!MD5';
const UPSTREAM_CIPHERS = 'DEFAULT';
/** Octets of a key for session tickets, as Node has it: name, HMAC key, AES key. */
const TICKET_KEY_OCTETS = 48;

/** Makes the contexts of one configuration. Equal settings share one. */
export class TlsBuilder {
  private readonly files: PemFiles;
  private readonly securities = new Map<string, ServerSecurity | null>();
  private readonly dials = new Map<string, DialRules | null>();
  private readonly caches = new Map<string, SessionStore>();

  constructor(private readonly site: Site) {
    this.files = new PemFiles(site);
  }

  /** What the ssl directives say on the level of a server. */
  server(level: Level): ServerTls {
    const verify = level.get(own.VERIFY_CLIENT);
    const rejects = level.get(own.REJECT_HANDSHAKE);
    const certificates = level.get(own.CERTIFICATES);
    const security = certificates.length === 0 ? null : this.security(level);
    return { verify, rejects, security };
  }

  private security(level: Level): ServerSecurity | null {
    const options = this.serverOptions(level);
    if (options === null) return null;
    const { cache, ...contextOptions } = options;
    const key = JSON.stringify(options);
    let security = this.securities.get(key);
    if (security !== undefined) return security;
    const [word] = level.get(own.CERTIFICATES);
    const context = this.context(word, level, contextOptions);
    security =
      context === null
        ? null
        : {
            context,
            requestsCertificate: level.get(own.VERIFY_CLIENT) !== 'off',
            maxVerifyDepth: level.get(own.VERIFY_DEPTH),
            maxRecordOctets: level.get(own.TLS_BUFFER_SIZE),
            sessions: cache === null ? null : this.cache(cache),
          };
    this.securities.set(key, security);
    return security;
  }

  /** null after a fault, which is noted. */
  private serverOptions(
    level: Level,
  ): (SecureContextOptions & { cache: own.SessionCacheLine | null }) | null {
    const { files } = this;
    const pairs = this.pairs(level.get(own.CERTIFICATES), level.get(own.CERTIFICATE_KEYS), level);
    const verify = level.get(own.VERIFY_CLIENT);
    const trusted = [level.get(own.CLIENT_CERTIFICATE), level.get(own.TRUSTED_CERTIFICATE)].filter(
      (word) => word !== null,
    );
    if ((verify === 'on' || verify === 'optional') && trusted.length === 0) {
      const place = level.place ?? level.get(own.CERTIFICATES)[0];
      const text = 'no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client';
      this.site.fault(place, text, 'name a file of the certificates that are trusted');
      return null;
    }
    const ca = trusted.map((word) => files.certificates(word, 'SSL_CTX_load_verify_locations'));
    const crl = files.crls(level.get(own.CRL));
    const dhparam = files.text(level.get(own.DH_PARAMETERS), 'BIO_new_file');
    const ticketKeys = this.ticketKey(level.get(own.TICKET_KEYS));
    if (pairs === null || ca.includes(null) || crl === null || dhparam === null || ticketKeys === null) {
      return null;
    }
    // A certificate is judged with every connection: the length of its chain is not part of a session.
    const keepsSessions = verify === 'off';
    const tickets = keepsSessions && level.get(own.SESSION_TICKETS);
    const cache = level.get(own.SESSION_CACHE);
    const options: SecureContextOptions = {
      ...pairs,
      ca: ca as string[],
      ...(crl === undefined ? {} : { crl }),
      ...(dhparam === undefined ? {} : { dhparam }),
      ...versions(level.get(own.TLS_PROTOCOLS)),
      ciphers: level.get(own.CIPHERS)?.text ?? SERVER_CIPHERS,
      ecdhCurve: level.get(own.CURVE)?.text ?? 'auto',
      sessionTimeout: Math.max(1, Math.round(level.get(own.SESSION_TIMEOUT) / 1000)),
    };
    options.secureOptions =
      (options.secureOptions ?? 0) |
      constants.SSL_OP_NO_RENEGOTIATION |
      (level.get(own.PREFER_SERVER_CIPHERS) ? constants.SSL_OP_CIPHER_SERVER_PREFERENCE : 0) |
      (tickets ? 0 : constants.SSL_OP_NO_TICKET);
    const identity = createHash('sha256')
      .update(JSON.stringify([options, verify, level.get(own.VERIFY_DEPTH)]))
      .digest('hex')
      .slice(0, 32);
    options.sessionIdContext = identity;
    const key = ticketKeys ?? this.sharedTicketKey(identity);
    if (tickets && key !== undefined) options.ticketKeys = key;
    return { ...options, cache: keepsSessions && !tickets && cache.kind === 'cache' ? cache : null };
  }

  /** Certificates and keys, each with its own. */
  private pairs(
    certificates: readonly Word[],
    keys: readonly Word[],
    level: Level,
  ): { cert: string[]; key: string[] } | null {
    const { files, site } = this;
    const passphrases = files.passphrases(level.get(own.PASSWORD_FILE));
    const found: { cert: string[]; key: string[] } = { cert: [], key: [] };
    for (const [i, word] of certificates.entries()) {
      if (keys[i] === undefined) {
        site.fault(word, `no "ssl_certificate_key" is defined for certificate "${word.text}"`);
        return null;
      }
      const pair = files.pair(word, keys[i], passphrases);
      if (pair === null) return null;
      found.cert.push(pair.cert);
      found.key.push(pair.key);
    }
    return found;
  }

  /**
   * TLS towards the peers of a location.
   * @param proxyHost $proxy_host there; '' where it depends on the request
   * @param proxyHeader version of the PROXY header in front; 0 for none
   */
  dial(
    level: Level,
    place: Place,
    proxyHost: string,
    proxyHeader: DialRules['proxyHeader'],
  ): DialRules | null {
    const nameWord = level.get(upstream.PROXY_NAME);
    const options = this.dialOptions(level, place);
    if (options === null) return null;
    const verifies = level.get(upstream.PROXY_VERIFY);
    const sendsName = level.get(upstream.PROXY_SERVER_NAME);
    const key = JSON.stringify([
      options,
      proxyHeader,
      nameWord?.text ?? proxyHost,
      verifies,
      sendsName,
      level.get(upstream.PROXY_VERIFY_DEPTH),
      level.get(upstream.PROXY_SESSION_REUSE),
    ]);
    const known = this.dials.get(key);
    if (known !== undefined) return known;
    const own = proxyHost === '' ? this.site.variable('proxy_host') : this.site.constant(proxyHost);
    const name = nameWord === null ? own : this.site.template(nameWord);
    const context = this.context(nameWord ?? place, level, options);
    const rules: DialRules | null =
      context === null
        ? null
        : {
            proxyHeader,
            tls: {
              context,
              nameOf: (exchange) => hostOnly(name.text(exchange)),
              sendsName,
              verifies,
              maxVerifyDepth: level.get(upstream.PROXY_VERIFY_DEPTH),
              resumesSessions: level.get(upstream.PROXY_SESSION_REUSE),
            },
          };
    this.dials.set(key, rules);
    return rules;
  }

  private dialOptions(level: Level, place: Place): SecureContextOptions | null {
    const { files, site } = this;
    const trusted = level.get(upstream.PROXY_TRUSTED);
    if (level.get(upstream.PROXY_VERIFY) && trusted === null) {
      site.fault(place, 'no proxy_ssl_trusted_certificate for proxy_ssl_verify');
      return null;
    }
    const ca = trusted === null ? '' : files.certificates(trusted, 'SSL_CTX_load_verify_locations');
    const crl = files.crls(level.get(upstream.PROXY_CRL));
    const certificate = level.get(upstream.PROXY_CERTIFICATE);
    const keyWord = level.get(upstream.PROXY_KEY);
    if (certificate !== null && keyWord === null) {
      site.fault(
        certificate,
        `no "proxy_ssl_certificate_key" is defined for certificate "${certificate.text}"`,
      );
      return null;
    }
    const pair =
      certificate === null || keyWord === null
        ? undefined
        : files.pair(certificate, keyWord, files.passphrases(level.get(upstream.PROXY_PASSWORDS)));
    if (ca === null || crl === null || pair === null) return null;
    return {
      ...pair,
      ca: ca === '' ? [] : [ca],
      ...(crl === undefined ? {} : { crl }),
      ...versions(level.get(upstream.PROXY_PROTOCOLS)),
      ciphers: level.get(upstream.PROXY_CIPHERS)?.text ?? UPSTREAM_CIPHERS,
      ecdhCurve: 'auto',
    };
  }

  /** The context, or null after a fault. */
  private context(place: Place, level: Level, options: SecureContextOptions): SecureContext | null {
    try {
      return createSecureContext(options);
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException;
      const words: Record<string, own.Protocol | Word | null> = {
        ERR_SSL_NO_CIPHER_MATCH: level.get(own.CIPHERS) ?? level.get(upstream.PROXY_CIPHERS),
        ERR_CRYPTO_OPERATION_FAILED: level.get(own.CURVE),
      };
      const at = (words[code ?? ''] as Word | null | undefined) ?? place;
      this.site.fault(at, `TLS cannot be set up (${message.replace(/^.*?error:/, 'SSL: error:')})`);
      return null;
    }
  }

  private cache(line: own.SessionCacheLine): SessionStore {
    const sessions = Math.max(line.sessions, Math.floor(line.octets * SESSIONS_PER_OCTET));
    if (line.name === '') return new SessionStore(sessions);
    let cache = this.caches.get(line.name);
    if (cache === undefined) this.caches.set(line.name, (cache = new SessionStore(sessions)));
    return cache;
  }

  /** Of the first key file; undefined where there is none, null after a fault. */
  private ticketKey(words: readonly Word[]): Buffer | null | undefined {
    const keys = words.map((word) => {
      const octets = this.files.octets(word);
      if (octets === null) return null;
      if (octets.length === 48 || octets.length === 80) return nodeTicketKey(octets);
      this.site.fault(word, `"${word.text}" must be 48 or 80 bytes`);
      return null;
    });
    return keys.includes(null) ? null : keys[0];
  }

  /** Workers of one configuration resume each other's sessions; undefined lets Node make a key of its own. */
  private sharedTicketKey(identity: string): Buffer | undefined {
    const { ticketSecret } = this.site.world;
    if (ticketSecret === undefined) return undefined;
    return Buffer.from(
      hkdfSync('sha256', ticketSecret, identity, 'wirehop session tickets', TICKET_KEY_OCTETS),
    );
  }
}

/** nginx's file has name, AES key, HMAC key for 48 octets; name, HMAC key, AES key, each twice as long, for 80. */
function nodeTicketKey(octets: Buffer): Buffer {
  if (octets.length === TICKET_KEY_OCTETS) {
    return Buffer.concat([octets.subarray(0, 16), octets.subarray(32, 48), octets.subarray(16, 32)]);
  }
  // Node's tickets have AES-128: the longer keys are drawn on for shorter ones.
  const rest = hkdfSync('sha256', octets.subarray(16), octets.subarray(0, 16), 'wirehop session tickets', 32);
  return Buffer.concat([octets.subarray(0, 16), Buffer.from(rest)]);
}

function versions(protocols: readonly own.Protocol[]): SecureContextOptions {
  const first = own.PROTOCOLS.indexOf(protocols[0]);
  const last = own.PROTOCOLS.indexOf(protocols[protocols.length - 1]);
  const holes = own.PROTOCOLS.slice(first, last).filter((name) => !protocols.includes(name));
  return {
    minVersion: own.PROTOCOLS[first],
    maxVersion: own.PROTOCOLS[last],
    secureOptions: holes.reduce((all, name) => all | WITHOUT[name], 0),
  };
}

/** nginx cuts a port off the name, and the brackets of an IPv6 address. */
function hostOnly(text: string): string {
  if (text.startsWith('[')) return text.slice(1, Math.max(1, text.indexOf(']')));
  const colon = text.indexOf(':');
  return colon < 0 ? text : text.slice(0, colon);
}
