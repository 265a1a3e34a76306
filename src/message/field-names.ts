/**
 * Field names that somebody cares about, as small numbers: the protocol's own here, and those that a configuration
 * sets, hides or reads, interned when it is compiled. Traffic never adds a name.
 */
import { NameTable } from '../bytes/name-table.js';

/** One table for the process: it grows with configurations, never with requests. */
export const FIELD_NAMES = new NameTable();

export const HOST = FIELD_NAMES.intern('host');
export const CONTENT_LENGTH = FIELD_NAMES.intern('content-length');
export const TRANSFER_ENCODING = FIELD_NAMES.intern('transfer-encoding');
export const CONNECTION = FIELD_NAMES.intern('connection');
export const KEEP_ALIVE = FIELD_NAMES.intern('keep-alive');
export const PROXY_CONNECTION = FIELD_NAMES.intern('proxy-connection');
export const TE = FIELD_NAMES.intern('te');
export const UPGRADE = FIELD_NAMES.intern('upgrade');
export const EXPECT = FIELD_NAMES.intern('expect');
/**
 * Fields of a request that say one thing, once: several lines are refused, as in nginx, because two readers might each
 * believe another one (RFC 9110 5.3). Their ids stand in a row behind {@link EXPECT}.
 */
export const SINGLE_OF_REQUEST: readonly number[] =
  'authorization if-match if-none-match if-modified-since if-unmodified-since if-range content-range'
    .split(' ')
    .map((name) => FIELD_NAMES.intern(name));
/** Of a response: the path or the named location that is to answer instead. */
export const X_ACCEL_REDIRECT = FIELD_NAMES.intern('x-accel-redirect');
/** Of a response: the rate at which it is to go downstream. */
export const X_ACCEL_LIMIT_RATE = FIELD_NAMES.intern('x-accel-limit-rate');
export const DATE = FIELD_NAMES.intern('date');
export const SERVER = FIELD_NAMES.intern('server');

/**
 * Fields of a response that say one thing, once: of several lines the first goes on, as in nginx (RFC 9110 5.3). A bit
 * for each by id; names with greater ids have none.
 */
export const SINGLE_FIELDS: Int32Array = singleFields(
  'server date content-type last-modified etag location expires content-encoding status',
);

function singleFields(names: string): Int32Array {
  const ids = names.split(' ').map((name) => FIELD_NAMES.intern(name));
  const bits = new Int32Array(Math.max(...ids) + 1);
  ids.forEach((id, i) => (bits[id] = 1 << i));
  return bits;
}

/** Removed in both directions whatever the configuration says (RFC 9110 7.6.1, RFC 9112 C.2.2). */
export const HOP_BY_HOP: readonly number[] = [
  CONNECTION,
  KEEP_ALIVE,
  PROXY_CONNECTION,
  TE,
  UPGRADE,
  TRANSFER_ENCODING,
];

/** By octet: 1 for those that nginx takes in a field name by default (ignore_invalid_headers): letters, digits, "-". */
export const PLAIN_NAME = new Uint8Array(256);
/** The same and "_" (underscores_in_headers). */
export const PLAIN_NAME_UNDERSCORE = new Uint8Array(256);
for (let octet = 0; octet < 256; octet++) {
  if (!/[A-Za-z0-9-]/.test(String.fromCharCode(octet))) continue;
  PLAIN_NAME[octet] = PLAIN_NAME_UNDERSCORE[octet] = 1;
}
PLAIN_NAME_UNDERSCORE[0x5f] = 1;
