/**
 * nginx's other names: each is refused with a reason, so that nobody takes a misspelling for a missing feature or the
 * other way round. Decides nothing else.
 */
import { REFUSED_MODULES } from './refused-modules.js';
import type { Refused } from './table.js';

/** Names in groups, by what there is to say about them. */
const GROUPS: readonly (readonly [string, string])[] = [
  [
    'it belongs to nginx\'s commercial version; say where tunnels may lead with "tunnel_allow" and "tunnel_deny"',
    'tunnel_allow_upstream tunnel_bind_dynamic',
  ],
  [
    'messages are passed on as they are; leave it out',
    `proxy_send_lowat send_lowat
    proxy_download_rate proxy_upload_rate proxy_allow_upstream proxy_bind_dynamic proxy_request_dynamic`,
  ],
  ['wirehop writes no temporary files', 'proxy_temp_file_write_size proxy_store_access'],
  [
    "wirehop has nginx's other methods: least_conn, ip_hash, hash, random, and sticky beside them",
    'least_time sticky_cookie_insert queue ntlm state',
  ],
  [
    'an upstream that answers is healthy; active checks are not there yet',
    'health_check health_check_timeout match',
  ],
  ['say "listen ... ssl" instead', 'ssl'],
  [
    'wirehop asks no OCSP responder, and staples no answers; leave it out',
    'ssl_stapling_file ssl_stapling_responder ssl_ocsp_cache ssl_ocsp_responder',
  ],
  [
    'Node has no way to do this; leave it out',
    `ssl_conf_command ssl_certificate_compression ssl_engine ssl_ech_file proxy_ssl_conf_command proxy_ssl_alpn`,
  ],
  [
    'certificates are read at the start, once; leave it out',
    'ssl_certificate_cache ssl_object_cache_inheritable proxy_ssl_certificate_cache',
  ],
  ['wirehop writes no secrets of TLS; leave it out', 'ssl_key_log proxy_ssl_key_log'],
  ['client_header_timeout holds for handshakes too', 'ssl_handshake_timeout'],
  ['wirehop proxies HTTP; plain TLS is not there', 'ssl_alpn ssl_preread proxy_ssl'],
  ['client_header_timeout holds for PROXY headers too', 'proxy_protocol_timeout'],
  [
    'wirehop reads no tokens; let "auth_request" ask a service that does',
    `auth_jwt auth_jwt_claim_set auth_jwt_header_set auth_jwt_key_cache auth_jwt_key_file
    auth_jwt_key_request auth_jwt_leeway auth_jwt_require auth_jwt_type auth_require`,
  ],
  [
    'wirehop sends files as they are, and lists and changes none; put a server that does behind proxy_pass',
    `autoindex_exact_size autoindex_format autoindex_localtime random_index flv mp4 mp4_buffer_size mp4_limit_rate
    mp4_limit_rate_after mp4_max_buffer_size mp4_start_key_frame hls hls_buffers hls_forward_args hls_fragment
    hls_mp4_buffer_size hls_mp4_max_buffer_size f4f f4f_buffer_size empty_gif open_file_cache_events dav_access
    dav_methods create_full_put_path min_delete_depth gzip_static`,
  ],
  [
    'wirehop passes content on unchanged; let the upstream do it',
    `gzip_hash gzip_no_buffer gzip_window postpone_gzipping
    gunzip_buffers sub_filter sub_filter_last_modified sub_filter_once sub_filter_types addition_types
    add_after_body add_before_body charset_map charset_types override_charset source_charset
    ssi_ignore_recycled_buffers ssi_last_modified ssi_min_file_chunk ssi_silent_errors ssi_types ssi_value_length
    image_filter image_filter_buffer image_filter_interlace image_filter_jpeg_quality image_filter_sharpen
    image_filter_transparency image_filter_webp_quality xml_entities xslt_last_modified xslt_param xslt_string_param
    xslt_stylesheet xslt_types slice postpone_output subrequest_output_buffer_size`,
  ],
  ['use "add_header"', 'add_trailer add_header_inherit add_trailer_inherit'],
  [
    'wirehop does not cache',
    `proxy_cache_background_update proxy_cache_bypass proxy_cache_convert_head proxy_cache_key
    proxy_cache_lock proxy_cache_lock_age proxy_cache_lock_timeout proxy_cache_max_range_offset proxy_cache_methods
    proxy_cache_min_uses proxy_cache_path proxy_cache_purge proxy_cache_revalidate proxy_cache_use_stale
    proxy_cache_valid proxy_no_cache`,
  ],
  [
    'log lines are written at once to files and stderr; leave it out',
    'status_format status_zone session_log session_log_format session_log_zone',
  ],
  ['there is a page of figures: "stub_status"', 'status api'],
  ['no such kind of subrequest exists here', 'mirror mirror_request_body post_action'],
  [
    'Node has no such switch; set it up where wirehop is started (taskset, ulimit, a service file)',
    `worker_rlimit_core worker_cpu_affinity working_directory`,
  ],
  [
    "a part of nginx's insides that is not there",
    `worker_aio_requests debug_points debug_connection load_module thread_pool degradation degrade
    google_perftools_profiles`,
  ],
  [
    'wirehop is extended as a library, not in its configuration',
    `perl perl_modules perl_require perl_set js_access
    js_body_filter js_content js_fetch_buffer_size js_fetch_ciphers js_fetch_keepalive js_fetch_max_response_buffer_size
    js_fetch_protocols js_fetch_timeout js_fetch_trusted_certificate js_fetch_verify js_fetch_verify_depth js_filter
    js_header_filter js_import js_include js_path js_periodic js_preload_object js_preread js_set js_shared_dict_zone
    js_var keyval keyval_zone`,
  ],
  [
    'this module of nginx is not there',
    `ancient_browser ancient_browser_value modern_browser modern_browser_value
    geoip_city geoip_country geoip_org geoip_proxy geoip_proxy_recursive userid userid_domain userid_expires userid_flags
    userid_mark userid_name userid_p3p userid_path userid_service zone_sync internal_redirect mgmt otel_exporter
    otel_trace otel_trace_context oidc_provider acme_issuer acme_certificate`,
  ],
  [
    'wirehop speaks HTTP/1.1',
    `http2 http2_body_preread_size http2_chunk_size http2_idle_timeout
    http2_max_concurrent_pushes http2_max_concurrent_streams http2_max_field_size http2_max_header_size
    http2_max_requests http2_pool_size http2_push http2_push_preload http2_recv_buffer_size http2_recv_timeout
    http2_streams_index_size http3 http3_hq http3_max_concurrent_streams http3_stream_buffer_size quic_active_connection_id_limit
    quic_bpf quic_gso quic_host_key quic_retry`,
  ],
  [
    'wirehop proxies HTTP; plain TCP, UDP and mail are not there',
    `stream mail preread_buffer_size preread_timeout
    proxy_timeout proxy_requests proxy_responses proxy_half_close proxy_session_drop pass smtp_auth imap_auth pop3_auth
    auth_http protocol starttls`,
  ],
];

const FASTCGI_LIKE = ['fastcgi', 'uwsgi', 'scgi'];
const CGI_NAMES = `bind buffer_size buffering buffers busy_buffers_size cache cache_background_update cache_bypass
  cache_key cache_lock cache_lock_age cache_lock_timeout cache_max_range_offset cache_methods cache_min_uses cache_path
  cache_purge cache_revalidate cache_use_stale cache_valid connect_timeout force_ranges hide_header ignore_client_abort
  ignore_headers intercept_errors limit_rate max_temp_file_size next_upstream next_upstream_timeout next_upstream_tries
  no_cache param pass pass_header pass_request_body pass_request_headers read_timeout request_buffering send_timeout
  socket_keepalive store store_access temp_file_write_size`;
const CGI_MORE = `fastcgi_catch_stderr fastcgi_index fastcgi_keep_conn fastcgi_send_lowat fastcgi_split_path_info
  uwsgi_modifier1 uwsgi_modifier2 uwsgi_string uwsgi_ssl_certificate uwsgi_ssl_certificate_key uwsgi_ssl_ciphers
  uwsgi_ssl_conf_command uwsgi_ssl_crl uwsgi_ssl_name uwsgi_ssl_password_file uwsgi_ssl_protocols uwsgi_ssl_server_name
  uwsgi_ssl_session_reuse uwsgi_ssl_trusted_certificate uwsgi_ssl_verify uwsgi_ssl_verify_depth`;
const GRPC_NAMES = `bind buffer_size connect_timeout hide_header ignore_headers intercept_errors next_upstream
  next_upstream_timeout next_upstream_tries pass pass_header read_timeout send_timeout set_header socket_keepalive
  ssl_certificate ssl_certificate_key ssl_ciphers ssl_conf_command ssl_crl ssl_name ssl_password_file ssl_protocols
  ssl_server_name ssl_session_reuse ssl_trusted_certificate ssl_verify ssl_verify_depth`;
const MEMCACHED_NAMES = `bind buffer_size connect_timeout force_ranges gzip_flag next_upstream next_upstream_timeout
  next_upstream_tries pass read_timeout send_timeout socket_keepalive`;

function split(names: string): string[] {
  return names.trim().split(/\s+/);
}

function* all(): Generator<Refused> {
  for (const [reason, names] of [...GROUPS, ...REFUSED_MODULES])
    for (const name of split(names)) yield { name, reason };
  const cgi = 'wirehop speaks HTTP to upstreams; use proxy_pass';
  for (const prefix of FASTCGI_LIKE) {
    for (const name of split(CGI_NAMES)) yield { name: `${prefix}_${name}`, reason: cgi };
  }
  for (const name of split(CGI_MORE)) yield { name, reason: cgi };
  for (const name of split(GRPC_NAMES)) yield { name: `grpc_${name}`, reason: cgi };
  for (const name of split(MEMCACHED_NAMES)) yield { name: `memcached_${name}`, reason: cgi };
}

/** By name, in the order of the groups. */
export const REFUSED: ReadonlyMap<string, Refused> = new Map([...all()].map((row) => [row.name, row]));
