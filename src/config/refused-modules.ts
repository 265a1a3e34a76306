/**
 * More names of nginx's that are refused: those of whole modules, and of the commercial version. Decides nothing else.
 */

/** Names in groups, by what there is to say about them. */
export const REFUSED_MODULES: readonly (readonly [string, string])[] = [
  [
    'wirehop gets no certificates by itself; let an ACME client write the files that ssl_certificate names',
    `accept_terms_of_service account_key acme_shared_zone challenge contact external_account_key preferred_chain profile
    state_path`,
  ],
  [
    'OpenID Connect is not there; let the upstream, or a proxy for it, ask for the login',
    `auth_oidc client_auth_method client_id client_secret config_url cookie_name extra_auth_args frontchannel_logout_uri
    issuer logout_token_hint logout_uri pkce post_logout_uri redirect_uri scope session_store session_timeout userinfo`,
  ],
  [
    'this is about licences and reports of the commercial nginx; leave it out',
    'usage_report license_token deployment_context enforce_initial_report uuid_file proxy proxy_username proxy_password',
  ],
  [
    'there is no tracing; pass traceparent on, which happens by itself, and log it with log_format',
    `otel_service_name otel_span_name otel_span_attr otel_resource_attr endpoint interval batch_size batch_count header
    trusted_certificate`,
  ],
  ['use "map" with regular expressions', 'num_map json_set'],
  [
    'wirehop proxies HTTP; plain TCP, UDP and mail are not there',
    `mqtt mqtt_buffers mqtt_preread mqtt_rewrite_buffer_size mqtt_set_connect auth_http_header auth_http_pass_client_cert
    auth_http_timeout imap_capabilities imap_client_buffer pop3_capabilities smtp_capabilities smtp_client_buffer
    smtp_greeting_delay max_errors proxy_pass_error_message proxy_smtp_auth xclient timeout connect_timeout read_timeout`,
  ],
  [
    'the state of a worker is its own, and no other process is told of it',
    `zone_sync_buffers zone_sync_connect_retry_interval zone_sync_connect_timeout zone_sync_interval
    zone_sync_recv_buffer_size zone_sync_server zone_sync_ssl zone_sync_ssl_certificate zone_sync_ssl_certificate_key
    zone_sync_ssl_ciphers zone_sync_ssl_conf_command zone_sync_ssl_crl zone_sync_ssl_name zone_sync_ssl_password_file
    zone_sync_ssl_protocols zone_sync_ssl_server_name zone_sync_ssl_trusted_certificate zone_sync_ssl_verify
    zone_sync_ssl_verify_depth zone_sync_timeout upstream_conf`,
  ],
  [
    'wirehop is extended as a library, not in its configuration',
    `js_engine js_context_reuse js_context_reuse_max_size js_load_http_native_module js_load_stream_native_module
    js_fetch_proxy js_fetch_keepalive_requests js_fetch_keepalive_time js_fetch_keepalive_timeout js_shared_array_zone`,
  ],
  [
    'wirehop speaks HTTP to upstreams; use proxy_pass',
    `fastcgi_bind_dynamic fastcgi_allow_upstream fastcgi_request_dynamic scgi_bind_dynamic scgi_allow_upstream
    scgi_request_dynamic uwsgi_bind_dynamic uwsgi_allow_upstream uwsgi_request_dynamic uwsgi_ssl_key_log
    uwsgi_ssl_certificate_cache uwsgi_pass_trailers grpc_bind_dynamic grpc_allow_upstream grpc_request_dynamic
    grpc_ssl_key_log grpc_ssl_certificate_cache memcached_bind_dynamic memcached_allow_upstream`,
  ],
  ['wirehop speaks HTTP/1.1', 'spdy_chunk_size spdy_headers_comp http3_max_table_capacity'],
  [
    'the event loop chooses for itself; leave it out',
    `epoll_events eventport_events kqueue_changes kqueue_events devpoll_changes devpoll_events iocp_threads
    post_acceptex acceptex_read debug_random`,
  ],
];
