/**
 * The configuration that every proxy of a run gets, word for word: the header work of a usual WebSocket-aware proxy,
 * upstream connections kept, nothing logged. nginx and wirehop both read it.
 */

/** Where the proxy listens and what stands behind it: ports of 127.0.0.1. */
export interface ConfigurationPorts {
  readonly listen: number;
  readonly origin: number;
}

/** Name of the pid file, relative to the prefix. */
export const PID_FILE = 'proxy.pid';

/** A whole nginx.conf. */
export function proxyConfiguration({ listen, origin }: ConfigurationPorts): string {
  return `daemon off;
pid ${PID_FILE};
error_log error.log warn;
worker_processes 1;
events { worker_connections 8192; }
http {
    access_log off;
    # No connection is ended for having served enough: a run must not measure new ones.
    keepalive_requests 100000000;
    map $http_upgrade $connection_upgrade {
        default upgrade;
        ''      '';
    }
    upstream origin {
        server 127.0.0.1:${origin};
        keepalive 128;
        keepalive_requests 100000000;
    }
    server {
        listen 127.0.0.1:${listen};
        location / {
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }
    }
}
`;
}
