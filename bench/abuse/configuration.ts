/** The configuration that a proxy under abuse gets; nginx and wirehop both read it. */

/** Name of the pid file, relative to the prefix. */
export const PID_FILE = 'proxy.pid';

export interface ConfigurationValues {
  /** A port of 127.0.0.1. */
  readonly listen: number;
  /** A unix socket to listen on beside it, or ''. */
  readonly listenPath: string;
  /** As `server` of an upstream names it. */
  readonly origin: string;
  readonly workerConnections: number;
  /** Lines at the level of `http`. */
  readonly lines?: string;
}

/** A whole nginx.conf. Nothing is spooled in either proxy, so that memory compares. */
export function abuseConfiguration(values: ConfigurationValues): string {
  const { listen, listenPath, origin, workerConnections, lines } = values;
  return `daemon off;
pid ${PID_FILE};
error_log error.log error;
worker_processes 1;
events { worker_connections ${workerConnections}; }
http {
    access_log off;
    proxy_buffering off;
    proxy_request_buffering off;
    client_max_body_size 0;
    ${lines ?? ''}
    map $http_upgrade $connection_upgrade {
        default upgrade;
        ''      '';
    }
    upstream origin {
        server ${origin};
        keepalive 64;
    }
    server {
        listen 127.0.0.1:${listen} backlog=4096;
        ${listenPath === '' ? '' : `listen unix:${listenPath} backlog=4096;`}
        location / {
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }
    }
}
`;
}
