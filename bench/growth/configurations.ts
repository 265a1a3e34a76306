/** Configurations with many of something, and requests that are spread over all of them. */
import { getRequest } from '../traffic.js';
import type { ExtraLines } from '../peers/peer.js';

/** How many different requests are made in turn, so that no answer is the last one. */
const QUESTIONS = 64;

/** A configuration of one size, and what to ask of it. */
export interface Sized {
  readonly lines: ExtraLines;
  readonly requests: readonly Buffer[];
}

const HEADER_WORK = `proxy_pass http://origin;
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;`;

function lines(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join('\n');
}

/** {@link QUESTIONS} numbers spread over 0 to count - 1. */
function spread(count: number): number[] {
  return Array.from({ length: QUESTIONS }, (_, i) => Math.floor((i * count) / QUESTIONS));
}

function hostRequests(count: number): Buffer[] {
  return spread(count).map((i) => {
    const text = getRequest({ path: '/small' }).toString('latin1');
    return Buffer.from(text.replace('Host: www.example.com', `Host: site-${i}.example.com`), 'latin1');
  });
}

export function withLocations(count: number): Sized {
  return {
    lines: { serverLines: lines(count, (i) => `location /service/${i}/items/ { ${HEADER_WORK} }`) },
    requests: spread(count).map((i) => getRequest({ path: `/service/${i}/items/4711` })),
  };
}

/** @param listen the port of the bench's own server */
export function withServers(count: number, listen: number): Sized {
  const server = (i: number): string =>
    `server { listen 127.0.0.1:${listen}; server_name site-${i}.example.com; location / { ${HEADER_WORK} } }`;
  return { lines: { httpLines: lines(count, server) }, requests: hostRequests(count) };
}

export function withMapEntries(count: number): Sized {
  const entries = lines(count, (i) => `site-${i}.example.com pool-${i};`);
  return {
    lines: {
      httpLines: `map $host $pool { default none;\n${entries}\n}`,
      locationLines: 'proxy_set_header X-Pool $pool;',
    },
    requests: hostRequests(count),
  };
}

/** @param method line that chooses how they take turns; '' for round robin */
export function withPeers(count: number, method = ''): Sized {
  const more = lines(count - 1, (i) => `server 127.0.${1 + (i >> 8)}.${i & 255}:9;`);
  return { lines: { upstreamLines: `${method}\n${more}` }, requests: [getRequest({ path: '/small' })] };
}

export function withFields(count: number): Sized {
  const extraLines = Array.from({ length: count }, (_, i) => `X-Trace-Part-${i}: 7f3a91c0-${i * 7919}`);
  return { lines: {}, requests: [getRequest({ path: '/small', extraLines })] };
}
