/**
 * The ssl module: TLS on listening ports. Decides what of it Node can honour; leaves the making of contexts to
 * `build/tls.ts`.
 */
import { Setting, type Level } from '../level.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import type { Entry } from '../table.js';
import { acceptsOnlyFlag, type Apply, numberOf, setsFlag, setsTime, sizeOf, unsupported } from '../values.js';
import { IN_HTTP, simple } from './entries.js';

const PAGE = 'http/ngx_http_ssl_module.html';

/** Words of `ssl_verify_client`. */
export type VerifyClient = 'off' | 'on' | 'optional' | 'optional_no_ca';

/** Words of `ssl_protocols` that OpenSSL still has, oldest first. */
export const PROTOCOLS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
/** One of them. */
export type Protocol = (typeof PROTOCOLS)[number];

/** `ssl_session_cache`. */
export interface SessionCacheLine {
  readonly kind: 'off' | 'none' | 'cache';
  /** Octets of a shared cache, as nginx counts them; 0 for none. */
  readonly octets: number;
  /** Sessions of a builtin cache; 0 for none. */
  readonly sessions: number;
  /** Of the shared cache: servers that name the same one share it. */
  readonly name: string;
}

export const CERTIFICATES = new Setting<readonly Word[]>([]);
export const CERTIFICATE_KEYS = new Setting<readonly Word[]>([]);
export const PASSWORD_FILE = new Setting<Word | null>(null);
export const TLS_PROTOCOLS = new Setting<readonly Protocol[]>(['TLSv1.2', 'TLSv1.3']);
export const CIPHERS = new Setting<Word | null>(null);
export const PREFER_SERVER_CIPHERS = new Setting(false);
export const CURVE = new Setting<Word | null>(null);
export const DH_PARAMETERS = new Setting<Word | null>(null);
export const SESSION_CACHE = new Setting<SessionCacheLine>({
  kind: 'none',
  octets: 0,
  sessions: 0,
  name: '',
});
export const SESSION_TIMEOUT = new Setting(300_000);
export const SESSION_TICKETS = new Setting(true);
export const TICKET_KEYS = new Setting<readonly Word[]>([]);
export const TLS_BUFFER_SIZE = new Setting(16_384);
export const CLIENT_CERTIFICATE = new Setting<Word | null>(null);
export const TRUSTED_CERTIFICATE = new Setting<Word | null>(null);
export const VERIFY_CLIENT = new Setting<VerifyClient>('off');
export const VERIFY_DEPTH = new Setting(1);
export const CRL = new Setting<Word | null>(null);
export const REJECT_HANDSHAKE = new Setting(false);
const OFF_ONLY = {
  stapling: new Setting(false),
  staplingVerify: new Setting(false),
  earlyData: new Setting(false),
  ocsp: new Setting(false),
};

/** A file or `data:` that the directive names. */
export function setsWord(setting: Setting<Word | null>): Apply {
  return (directive, level) => {
    const [word] = directive.args;
    if (word.text.includes('$')) {
      throw unsupported(word, directive, 'files are read at the start: variables cannot name them');
    }
    level.set(setting, word, directive);
  };
}

function addsWord(setting: Setting<readonly Word[]>): Apply {
  return (directive, level) => {
    const [word] = directive.args;
    if (word.text.includes('$')) {
      throw unsupported(word, directive, 'files are read at the start: write a server for each certificate');
    }
    level.append(setting, word);
  };
}

/** `[SSLv2] [SSLv3] [TLSv1] [TLSv1.1] [TLSv1.2] [TLSv1.3]` */
export function setsProtocols(setting: Setting<readonly Protocol[]>): Apply {
  return (directive, level) => {
    const wanted = new Set<string>();
    for (const word of directive.args) {
      if (/^SSLv[23]$/i.test(word.text)) {
        throw unsupported(word, directive, 'the TLS library no longer has it; leave it out');
      }
      const known = PROTOCOLS.find((name) => name.toLowerCase() === word.text.toLowerCase());
      if (known === undefined) throw faultAt(word, `invalid value "${word.text}"`);
      wanted.add(known);
    }
    level.set(
      setting,
      PROTOCOLS.filter((name) => wanted.has(name)),
      directive,
    );
  };
}

export const TLS_DIRECTIVES: readonly Entry[] = [
  simple({
    name: 'ssl_certificate',
    contexts: IN_HTTP,
    syntax: 'file',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note:
      'PEM, with intermediate certificates behind the own one; several, of different kinds (RSA and ECDSA). Also ' +
      '`data:` and the PEM text itself. Relative to the directory of the main file. Variables are refused.',
    apply: addsWord(CERTIFICATES),
  }),
  simple({
    name: 'ssl_certificate_key',
    contexts: IN_HTTP,
    syntax: 'file',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note: 'One for each `ssl_certificate`, in the same order. `data:` as there; `engine:` and `store:` are refused.',
    apply: addsWord(CERTIFICATE_KEYS),
  }),
  simple({
    name: 'ssl_password_file',
    contexts: IN_HTTP,
    syntax: 'file',
    fallback: '',
    page: PAGE,
    note: 'One passphrase a line; each is tried in turn.',
    apply: setsWord(PASSWORD_FILE),
  }),
  {
    name: 'ssl_protocols',
    contexts: IN_HTTP,
    args: [1, Infinity],
    syntax: '[TLSv1] [TLSv1.1] [TLSv1.2] [TLSv1.3]',
    fallback: 'TLSv1.2 TLSv1.3',
    page: PAGE,
    kind: 'narrower',
    note: 'Holds for the server that the client names, not only for the default one. `SSLv2` and `SSLv3` are refused.',
    apply: setsProtocols(TLS_PROTOCOLS),
  },
  simple({
    name: 'ssl_ciphers',
    contexts: IN_HTTP,
    syntax: 'ciphers',
    fallback: 'HIGH:!aNULL:!MD5',
    page: PAGE,
    note: "OpenSSL's list, for TLS up to 1.2; those of TLS 1.3 may stand in it by their own names (`TLS_...`).",
    apply: (directive, level) => level.set(CIPHERS, directive.args[0], directive),
  }),
  simple({
    name: 'ssl_prefer_server_ciphers',
    contexts: IN_HTTP,
    syntax: 'on | off',
    fallback: 'off',
    page: PAGE,
    apply: setsFlag(PREFER_SERVER_CIPHERS),
  }),
  simple({
    name: 'ssl_ecdh_curve',
    contexts: IN_HTTP,
    syntax: 'curve',
    fallback: 'auto',
    page: PAGE,
    apply: (directive, level) => level.set(CURVE, directive.args[0], directive),
  }),
  simple({
    name: 'ssl_dhparam',
    contexts: IN_HTTP,
    syntax: 'file',
    fallback: '',
    page: PAGE,
    note: 'Without it no DHE cipher is used, as in nginx. 1024 bits at least.',
    apply: setsWord(DH_PARAMETERS),
  }),
  {
    name: 'ssl_session_cache',
    contexts: IN_HTTP,
    args: [1, 2],
    syntax: 'off | none | [builtin[:size]] [shared:name:size]',
    fallback: 'none',
    page: PAGE,
    kind: 'narrower',
    note:
      'For clients without tickets, and with `ssl_session_tickets off`. One cache per worker process; a megabyte holds ' +
      '4000 sessions, as in nginx.',
    apply: sessionCache,
  },
  simple({
    name: 'ssl_session_timeout',
    contexts: IN_HTTP,
    syntax: 'time',
    fallback: '5m',
    page: PAGE,
    apply: setsTime(SESSION_TIMEOUT),
  }),
  simple({
    name: 'ssl_session_tickets',
    contexts: IN_HTTP,
    syntax: 'on | off',
    fallback: 'on',
    page: PAGE,
    apply: setsFlag(SESSION_TICKETS),
  }),
  simple({
    name: 'ssl_session_ticket_key',
    contexts: IN_HTTP,
    syntax: 'file',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note:
      '48 or 80 octets. Of several keys the first is used; tickets made with the others lead to a full handshake. ' +
      'Without it keys are random, and last as long as the configuration.',
    apply: addsWord(TICKET_KEYS),
  }),
  simple({
    name: 'ssl_buffer_size',
    contexts: IN_HTTP,
    syntax: 'size',
    fallback: '16k',
    page: PAGE,
    kind: 'narrower',
    note: 'The most content in one record: 512 octets to 16k, the largest that TLS has.',
    apply(directive, level) {
      const [word] = directive.args;
      const octets = sizeOf(directive, word);
      if (octets < 512) throw unsupported(word, directive, 'a record of TLS holds 512 octets at least');
      level.set(TLS_BUFFER_SIZE, Math.min(octets, 16_384), directive);
    },
  }),
  simple({
    name: 'ssl_client_certificate',
    contexts: IN_HTTP,
    syntax: 'file',
    fallback: '',
    page: PAGE,
    note: 'Trusted certificates; their names are sent to clients.',
    apply: setsWord(CLIENT_CERTIFICATE),
  }),
  simple({
    name: 'ssl_trusted_certificate',
    contexts: IN_HTTP,
    syntax: 'file',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note: 'Trusted certificates. In nginx their names are not sent to clients; here they are, as Node sends all.',
    apply: setsWord(TRUSTED_CERTIFICATE),
  }),
  simple({
    name: 'ssl_verify_client',
    contexts: IN_HTTP,
    syntax: 'on | off | optional | optional_no_ca',
    fallback: 'off',
    page: PAGE,
    note:
      'Who fails is answered 400, with nginx’s inner statuses 495 and 496 for `error_page`. Sessions of such servers ' +
      'are never resumed, so every connection shows its certificate.',
    apply(directive, level) {
      const [word] = directive.args;
      const { text } = word;
      if (text !== 'on' && text !== 'off' && text !== 'optional' && text !== 'optional_no_ca')
        throw faultAt(word, `invalid value "${text}"`);
      level.set(VERIFY_CLIENT, text, directive);
    },
  }),
  simple({
    name: 'ssl_verify_depth',
    contexts: IN_HTTP,
    syntax: 'number',
    fallback: '1',
    page: PAGE,
    note: 'Certificates between the client’s and a trusted one.',
    apply: (directive, level) => level.set(VERIFY_DEPTH, numberOf(directive, directive.args[0]), directive),
  }),
  simple({
    name: 'ssl_crl',
    contexts: IN_HTTP,
    syntax: 'file',
    fallback: '',
    page: PAGE,
    apply: setsWord(CRL),
  }),
  simple({
    name: 'ssl_reject_handshake',
    contexts: IN_HTTP,
    syntax: 'on | off',
    fallback: 'off',
    page: PAGE,
    note: 'Refuses with the alert unrecognized_name, before any certificate is chosen.',
    apply: setsFlag(REJECT_HANDSHAKE),
  }),
  ...[
    offOnly('ssl_stapling', OFF_ONLY.stapling, 'wirehop asks no OCSP responder'),
    offOnly('ssl_stapling_verify', OFF_ONLY.staplingVerify, 'wirehop asks no OCSP responder'),
    offOnly('ssl_early_data', OFF_ONLY.earlyData, 'Node has no early data, which can be replayed'),
    offOnly('ssl_ocsp', OFF_ONLY.ocsp, 'wirehop asks no OCSP responder; use ssl_crl'),
  ],
];

function offOnly(name: string, setting: Setting<boolean>, reason: string): Entry {
  return simple({
    name,
    contexts: IN_HTTP,
    syntax: 'off',
    fallback: 'off',
    page: PAGE,
    kind: 'narrower',
    note: `\`on\` is refused: ${reason}.`,
    apply: acceptsOnlyFlag(setting, false, `${reason}: leave it out`),
  });
}

function sessionCache(directive: Directive, level: Level): void {
  let line: SessionCacheLine = { ...SESSION_CACHE.fallback };
  for (const word of directive.args) {
    const { text } = word;
    const builtin = /^builtin(?::([0-9]+))?$/.exec(text);
    const shared = /^shared:([^:]+):([0-9]+[kKmM]?)$/.exec(text);
    if (text === 'off' || text === 'none') {
      if (directive.args.length > 1) throw faultAt(word, `invalid session cache "${text}"`);
      line = { ...line, kind: text };
    } else if (builtin !== null) {
      line = { ...line, kind: 'cache', sessions: Number(builtin[1] ?? DEFAULT_BUILTIN_SESSIONS) };
    } else if (shared !== null) {
      const octets = sizeOf(directive, { ...word, text: shared[2] });
      // nginx wants room for eight memory pages.
      if (octets < LEAST_SHARED_OCTETS) throw faultAt(word, `session cache "${text}" is too small`);
      line = { ...line, kind: 'cache', octets, name: shared[1] };
    } else {
      throw faultAt(word, `invalid session cache "${text}"`);
    }
  }
  level.set(SESSION_CACHE, line, directive);
}

/** OpenSSL's own default. */
const DEFAULT_BUILTIN_SESSIONS = 20_480;
const LEAST_SHARED_OCTETS = 32_768;
