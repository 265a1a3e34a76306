/**
 * The proxy module's TLS: `proxy_pass https://`. Decides what of it Node can honour; leaves the making of contexts to
 * `build/tls.ts`.
 */
import { Setting } from '../level.js';
import type { Word } from '../syntax.js';
import type { Entry } from '../table.js';
import { numberOf, setsFlag } from '../values.js';
import { IN_LOCATION, simple } from './entries.js';
import { setsProtocols, setsWord, type Protocol } from './tls.js';

const PAGE = 'http/ngx_http_proxy_module.html';

export const PROXY_NAME = new Setting<Word | null>(null);
export const PROXY_SERVER_NAME = new Setting(false);
export const PROXY_VERIFY = new Setting(false);
export const PROXY_VERIFY_DEPTH = new Setting(1);
export const PROXY_TRUSTED = new Setting<Word | null>(null);
export const PROXY_CRL = new Setting<Word | null>(null);
export const PROXY_CERTIFICATE = new Setting<Word | null>(null);
export const PROXY_KEY = new Setting<Word | null>(null);
export const PROXY_PASSWORDS = new Setting<Word | null>(null);
export const PROXY_PROTOCOLS = new Setting<readonly Protocol[]>(['TLSv1.2', 'TLSv1.3']);
export const PROXY_CIPHERS = new Setting<Word | null>(null);
export const PROXY_SESSION_REUSE = new Setting(true);

export const PROXY_TLS_DIRECTIVES: readonly Entry[] = [
  simple({
    name: 'proxy_ssl_name',
    contexts: IN_LOCATION,
    syntax: 'name',
    fallback: '$proxy_host',
    page: PAGE,
    note: 'Variables may stand in it. Connections are kept apart by the name that they were made for.',
    apply: (directive, level) => level.set(PROXY_NAME, directive.args[0], directive),
  }),
  simple({
    name: 'proxy_ssl_server_name',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'off',
    page: PAGE,
    note: 'An address is never sent as a name (RFC 6066 3).',
    apply: setsFlag(PROXY_SERVER_NAME),
  }),
  simple({
    name: 'proxy_ssl_verify',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'off',
    page: PAGE,
    note: 'Chain, dates, revocation and name; a name that is an address is looked for among the addresses.',
    apply: setsFlag(PROXY_VERIFY),
  }),
  simple({
    name: 'proxy_ssl_verify_depth',
    contexts: IN_LOCATION,
    syntax: 'number',
    fallback: '1',
    page: PAGE,
    apply: (directive, level) =>
      level.set(PROXY_VERIFY_DEPTH, numberOf(directive, directive.args[0]), directive),
  }),
  simple({
    name: 'proxy_ssl_trusted_certificate',
    contexts: IN_LOCATION,
    syntax: 'file',
    fallback: '',
    page: PAGE,
    note: 'Has to be there for `proxy_ssl_verify on`.',
    apply: setsWord(PROXY_TRUSTED),
  }),
  simple({
    name: 'proxy_ssl_crl',
    contexts: IN_LOCATION,
    syntax: 'file',
    fallback: '',
    page: PAGE,
    apply: setsWord(PROXY_CRL),
  }),
  simple({
    name: 'proxy_ssl_certificate',
    contexts: IN_LOCATION,
    syntax: 'file',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note: 'Variables are refused.',
    apply: setsWord(PROXY_CERTIFICATE),
  }),
  simple({
    name: 'proxy_ssl_certificate_key',
    contexts: IN_LOCATION,
    syntax: 'file',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note: 'Variables, `engine:` and `store:` are refused.',
    apply: setsWord(PROXY_KEY),
  }),
  simple({
    name: 'proxy_ssl_password_file',
    contexts: IN_LOCATION,
    syntax: 'file',
    fallback: '',
    page: PAGE,
    apply: setsWord(PROXY_PASSWORDS),
  }),
  {
    name: 'proxy_ssl_protocols',
    contexts: IN_LOCATION,
    args: [1, Infinity],
    syntax: '[TLSv1] [TLSv1.1] [TLSv1.2] [TLSv1.3]',
    fallback: 'TLSv1.2 TLSv1.3',
    page: PAGE,
    kind: 'narrower',
    note: '`SSLv2` and `SSLv3` are refused.',
    apply: setsProtocols(PROXY_PROTOCOLS),
  },
  simple({
    name: 'proxy_ssl_ciphers',
    contexts: IN_LOCATION,
    syntax: 'ciphers',
    fallback: 'DEFAULT',
    page: PAGE,
    apply: (directive, level) => level.set(PROXY_CIPHERS, directive.args[0], directive),
  }),
  simple({
    name: 'proxy_ssl_session_reuse',
    contexts: IN_LOCATION,
    syntax: 'on | off',
    fallback: 'on',
    page: PAGE,
    note: 'A session is used again only for the same address, name and settings.',
    apply: setsFlag(PROXY_SESSION_REUSE),
  }),
];
