/**
 * Names that are accepted though they change nothing: each is about a mechanism of nginx's that has no counterpart here,
 * so nothing a peer could notice is lost. Decides nothing else.
 */
import type { Context } from './level.js';
import type { Inert } from './table.js';

const HTTP: readonly Context[] = ['http'];
const SERVER: readonly Context[] = ['http', 'server'];
const LOCATION: readonly Context[] = ['http', 'server', 'location'];
const REFERERS: readonly Context[] = ['server', 'location'];
const EVENTS: readonly Context[] = ['events'];
const MAIN: readonly Context[] = ['main'];

const FILES = 'files are read without waiting, and written as fast as they are taken';
const CACHE = 'files are looked up anew for each request';
const GZIP = 'it tunes a compression that is not done: the upstream compresses';
const TEMP = 'wirehop writes no temporary files';
const HASH = 'tables size themselves';
const POOLS = "memory is the runtime's";
const STREAM = 'messages are streamed, not spooled';
const KERNEL = 'the event loop chooses for itself';

const NAMES: readonly (readonly [string, readonly Context[], string])[] = [
  ['sendfile', LOCATION, FILES],
  ['sendfile_max_chunk', LOCATION, FILES],
  ['tcp_nopush', LOCATION, FILES],
  ['aio', LOCATION, FILES],
  ['directio', LOCATION, FILES],
  ['output_buffers', LOCATION, FILES],
  ['open_file_cache', LOCATION, CACHE],
  ['open_file_cache_errors', LOCATION, CACHE],
  ['open_file_cache_min_uses', LOCATION, CACHE],
  ['open_file_cache_valid', LOCATION, CACHE],
  ['directio_alignment', LOCATION, FILES],
  ['read_ahead', LOCATION, FILES],
  ['aio_write', LOCATION, FILES],
  ['gzip_buffers', LOCATION, GZIP],
  ['gzip_comp_level', LOCATION, GZIP],
  ['gzip_disable', LOCATION, GZIP],
  ['gzip_http_version', LOCATION, GZIP],
  ['gzip_min_length', LOCATION, GZIP],
  ['gzip_proxied', LOCATION, GZIP],
  ['gzip_types', LOCATION, GZIP],
  ['gzip_vary', LOCATION, GZIP],
  ['multi_accept', EVENTS, KERNEL],
  ['use', EVENTS, KERNEL],
  ['accept_mutex', EVENTS, KERNEL],
  ['accept_mutex_delay', EVENTS, KERNEL],
  ['lock_file', MAIN, KERNEL],
  ['timer_resolution', MAIN, KERNEL],
  ['pcre_jit', MAIN, "regular expressions are the runtime's, compiled as it sees fit"],
  ['types_hash_max_size', LOCATION, HASH],
  ['types_hash_bucket_size', LOCATION, HASH],
  ['server_names_hash_max_size', HTTP, HASH],
  ['server_names_hash_bucket_size', HTTP, HASH],
  ['map_hash_max_size', HTTP, HASH],
  ['map_hash_bucket_size', HTTP, HASH],
  ['variables_hash_max_size', HTTP, HASH],
  ['variables_hash_bucket_size', HTTP, HASH],
  ['proxy_headers_hash_max_size', LOCATION, HASH],
  ['proxy_headers_hash_bucket_size', LOCATION, HASH],
  ['referer_hash_max_size', REFERERS, HASH],
  ['referer_hash_bucket_size', REFERERS, HASH],
  ['connection_pool_size', SERVER, POOLS],
  ['request_pool_size', SERVER, POOLS],
  ['client_body_temp_path', LOCATION, TEMP],
  ['proxy_temp_path', LOCATION, TEMP],
  ['fastcgi_temp_path', LOCATION, TEMP],
  ['uwsgi_temp_path', LOCATION, TEMP],
  ['scgi_temp_path', LOCATION, TEMP],
  ['client_body_buffer_size', LOCATION, STREAM],
  ['client_body_in_single_buffer', LOCATION, STREAM],
  ['proxy_buffers', LOCATION, STREAM],
  ['proxy_busy_buffers_size', LOCATION, STREAM],
  ['proxy_max_temp_file_size', LOCATION, STREAM],
  ['tunnel_send_lowat', LOCATION, 'nginx ignores it on Linux, too'],
  ['msie_padding', LOCATION, 'pages are sent as they are'],
  ['msie_refresh', LOCATION, 'pages are sent as they are'],
];

/** By name. */
export const INERT: ReadonlyMap<string, Inert> = new Map(
  NAMES.map(([name, contexts, reason]) => [name, { name, contexts, reason }]),
);
