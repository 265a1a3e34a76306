/**
 * Proves that docs/directives.md is what the table says today, that no name is in two tables, and that every name of the
 * surface that wirehop sets itself is in one.
 */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { directiveNames, TOPICS } from '../../src/config/directives/index.js';
import { renderDirectives } from '../../src/config/docs.js';
import { INERT } from '../../src/config/inert.js';
import { REFUSED } from '../../src/config/refused.js';
import { nearestName } from '../../src/config/table.js';

/** Names that a person may expect of a proxy with nginx's language, honoured or not. */
const EXPECTED =
  `include worker_processes pid error_log daemon user events worker_connections worker_shutdown_timeout http
  server listen server_name map log_format access_log keepalive_timeout keepalive_requests keepalive_time
  client_header_timeout client_body_timeout send_timeout client_max_body_size client_header_buffer_size
  large_client_header_buffers underscores_in_headers ignore_invalid_headers merge_slashes server_tokens error_page return
  add_header resolver resolver_timeout location internal limit_except upstream keepalive proxy_pass proxy_http_version
  proxy_set_header proxy_pass_request_headers proxy_pass_request_body proxy_set_body proxy_method proxy_connect_timeout
  proxy_read_timeout proxy_send_timeout proxy_buffering proxy_request_buffering proxy_buffer_size proxy_hide_header
  proxy_pass_header proxy_ignore_headers proxy_redirect proxy_next_upstream proxy_next_upstream_tries
  proxy_next_upstream_timeout proxy_intercept_errors proxy_socket_keepalive proxy_bind tunnel_pass
  tunnel_connect_timeout tunnel_read_timeout tunnel_send_timeout tunnel_next_upstream set if rewrite break
  split_clients geo absolute_redirect port_in_redirect server_name_in_redirect least_conn ip_hash hash random zone sticky
  ssl_certificate ssl_certificate_key ssl_protocols ssl_ciphers proxy_ssl_verify set_real_ip_from real_ip_header allow
  deny satisfy auth_basic auth_request auth_delay limit_req limit_conn limit_rate proxy_limit_rate proxy_cookie_domain
  add_trailer expires proxy_pass_trailers early_hints max_headers keepalive_disable lingering_close
  reset_timedout_connection tcp_nodelay open_log_file_cache log_not_found stub_status client_body_buffer_size root alias
  index try_files types default_type worker_rlimit_nofile worker_cpu_affinity master_process env timer_resolution
  pcre_jit mirror secure_link valid_referers if_modified_since max_ranges stream gzip sub_filter autoindex fastcgi_pass
  uwsgi_pass scgi_pass grpc_pass memcached_pass proxy_cache proxy_cache_path sendfile tcp_nopush proxy_buffers use
  multi_accept accept_mutex msie_padding`.split(/\s+/);

describe('config documents', () => {
  it('docs/directives.md is not stale (npm run docs)', () => {
    const file = new URL('../../../docs/directives.md', import.meta.url);
    expect(readFileSync(file, 'utf8')).to.equal(renderDirectives());
  });

  it('every name is in one table', () => {
    const names = [...directiveNames(), ...INERT.keys(), ...REFUSED.keys()];
    expect(names.filter((name, i) => names.indexOf(name) !== i)).to.deep.equal([]);
    expect(EXPECTED.filter((name) => !names.includes(name))).to.deep.equal([]);
  });

  it('every entry has contexts, a page, and a note where it is narrower', () => {
    for (const [, entries] of TOPICS) {
      for (const { name, contexts, page, kind, note, args } of entries) {
        expect(contexts, name).to.not.have.length(0);
        if (kind !== 'wirehop') expect(page, name).to.match(/^(http\/)?ngx_\w+_module\.html$/);
        expect(args[0] <= args[1], name).to.equal(true);
        if (kind === 'narrower') expect(note, name).to.not.equal('');
      }
    }
  });

  it('one name means one thing in one context', () => {
    const seen = TOPICS.flatMap(([, entries]) =>
      entries.flatMap(({ name, contexts }) => contexts.map((at) => `${name} in ${at}`)),
    );
    expect(seen.filter((one, i) => seen.indexOf(one) !== i)).to.deep.equal([]);
  });

  it('hints name what was meant, and nothing far-fetched', () => {
    const names = [...directiveNames()];
    const cases: Record<string, string> = {
      porxy_pass: 'proxy_pass',
      proxypass: 'proxy_pass',
      serverr: 'server',
      lisen: 'listen',
      proxy_set_headers: 'proxy_set_header',
      client_max_bodysize: 'client_max_body_size',
      foo: '',
      brotli: '',
    };
    expect(
      Object.fromEntries(Object.keys(cases).map((name) => [name, nearestName(name, names)])),
    ).to.deep.equal(cases);
  });
});
