/**
 * The configuration that nginx and wirehop get, word for word: the header work of a usual WebSocket-aware proxy,
 * upstream connections kept, nothing logged unless the work is logging.
 */

/** What differs between runs. Lines are added as they are, at the end of their block. */
export interface ConfigurationValues {
  /** A port of 127.0.0.1. */
  readonly listen: number;
  /** The origin's port of 127.0.0.1. */
  readonly origin: number;
  /** File of the access log in the `combined` format, relative to the prefix; none without it. */
  readonly accessLog?: string;
  /** Certificate and key in PEM; TLS in front when given. */
  readonly certificate?: string;
  readonly mainLines?: string;
  readonly httpLines?: string;
  readonly upstreamLines?: string;
  readonly serverLines?: string;
  readonly locationLines?: string;
  /** worker_processes; 1 unless it says otherwise. */
  readonly workers?: number;
}

/** Name of the pid file, relative to the prefix. */
export const PID_FILE = 'proxy.pid';

/** A whole nginx.conf. */
export function proxyConfiguration(values: ConfigurationValues): string {
  const { listen, origin, accessLog, certificate } = values;
  const {
    workers = 1,
    mainLines = '',
    httpLines = '',
    upstreamLines = '',
    serverLines = '',
    locationLines = '',
  } = values;
  const tls =
    certificate === undefined
      ? ''
      : `ssl_certificate ${certificate};
        ssl_certificate_key ${certificate};`;
  return `daemon off;
pid ${PID_FILE};
error_log error.log warn;
worker_processes ${workers};
${mainLines}
events { worker_connections 24000; }
http {
    access_log ${accessLog === undefined ? 'off' : `${accessLog} combined`};
    # No connection is ended for having served enough: a run must not measure new ones.
    keepalive_requests 100000000;
    map $http_upgrade $connection_upgrade {
        default upgrade;
        ''      '';
    }
    ${httpLines}
    upstream origin {
        server 127.0.0.1:${origin};
        keepalive 128;
        keepalive_requests 100000000;
        ${upstreamLines}
    }
    server {
        listen 127.0.0.1:${listen}${certificate === undefined ? '' : ' ssl'};
        ${tls}
        location / {
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            ${locationLines}
        }
        ${serverLines}
    }
}
`;
}
