/**
 * What `-v` and `-V` print. `-V` has nginx's form, because programs that drive nginx read it to learn which modules
 * are there; so a module is claimed only when the configuration compiler knows its directives.
 */
import { readFileSync } from 'node:fs';

/** The nginx whose documentation is this version's specification. */
const NGINX_VERSION = '1.31.0';

/**
 * nginx's standard modules that a build can leave out, each with directives that show that it is there.
 * No directive at all: nothing like it exists in wirehop.
 */
const STANDARD_MODULES: Readonly<Record<string, readonly string[]>> = {
  access: ['allow', 'deny'],
  auth_basic: ['auth_basic', 'auth_basic_user_file'],
  autoindex: [],
  browser: [],
  charset: [],
  empty_gif: [],
  fastcgi: [],
  geo: ['geo'],
  grpc: [],
  gzip: [],
  limit_conn: ['limit_conn', 'limit_conn_zone'],
  limit_req: ['limit_req', 'limit_req_zone'],
  map: ['map'],
  memcached: [],
  mirror: ['mirror'],
  proxy: ['proxy_pass'],
  referer: ['valid_referers'],
  rewrite: ['return', 'rewrite', 'set', 'if', 'break'],
  scgi: [],
  split_clients: ['split_clients'],
  ssi: [],
  tunnel: ['tunnel_pass'],
  upstream_hash: ['hash'],
  upstream_ip_hash: ['ip_hash'],
  upstream_keepalive: ['keepalive'],
  upstream_least_conn: ['least_conn'],
  upstream_random: ['random'],
  upstream_sticky: ['sticky'],
  upstream_zone: ['zone'],
  userid: [],
  uwsgi: [],
};

/** Modules that nginx has only when they are asked for. */
const OPTIONAL_MODULES: Readonly<Record<string, readonly string[]>> = {
  auth_request: ['auth_request', 'auth_request_set'],
  secure_link: ['secure_link', 'secure_link_md5', 'secure_link_secret'],
  realip: ['set_real_ip_from', 'real_ip_header'],
  ssl: ['ssl_certificate', 'ssl_certificate_key'],
  stub_status: ['stub_status'],
};

/** The version in package.json. */
export function ownVersion(): string {
  // Two rooms up from dist/src/process, beside the package's own package.json.
  const manifest = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

/** `-v`: one line. */
export function shortVersion(): string {
  return `wirehop version: wirehop/${ownVersion()}\n`;
}

/**
 * `-V`: the version, and what was built in.
 * @param knows whether the configuration compiler has a directive of this name
 */
export function fullVersion(knows: (directive: string) => boolean): string {
  const has = (directives: readonly string[]): boolean => directives.length > 0 && directives.every(knows);
  const args = [
    ...Object.keys(OPTIONAL_MODULES)
      .filter((name) => has(OPTIONAL_MODULES[name]))
      .map((name) => `--with-http_${name}_module`),
    ...Object.keys(STANDARD_MODULES)
      .filter((name) => !has(STANDARD_MODULES[name]))
      .map((name) => `--without-http_${name}_module`),
  ];
  const tls = has(OPTIONAL_MODULES.ssl)
    ? `built with OpenSSL ${process.versions.openssl}\nTLS SNI support enabled\n`
    : '';
  return (
    shortVersion() +
    `nginx version: nginx/${NGINX_VERSION} (wirehop)\n` +
    `built with Node.js ${process.versions.node}\n` +
    tls +
    `configure arguments: ${args.join(' ')}\n`
  );
}
