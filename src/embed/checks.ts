/** The shape of every option, as checks: options.ts at run time. */
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { isCloseCode, MAX_CLOSE_REASON_OCTETS } from '../wire/websocket/close-frame.js';
import { Config } from './config.js';
import { fieldFault } from './fields.js';
import type { UpstreamGroup } from './options.js';
import { parseUpstreamUrl, type UpstreamUrl } from './upstream-url.js';
import {
  callback,
  type Check,
  choice,
  count,
  flag,
  listOf,
  members,
  oneOrMore,
  OptionsError,
  record,
  shown,
  text,
} from './validate.js';

const ms = count('milliseconds');
const octets = count('octets');

const url: Check = (value, path) => {
  text(value, path);
  const parsed = parseUpstreamUrl(value as string);
  if (typeof parsed === 'string') throw new OptionsError(path, `${parsed}, got ${shown(value)}`);
};

const server = members({
  url,
  weight: count('shares', 1, 65535),
  backup: flag,
  maxFails: count('failures'),
  failMs: ms,
  maxExchanges: count('exchanges'),
});

const group = members({
  servers: listOf((value, path) => {
    if (typeof value === 'string') url(value, path);
    else {
      server(value, path);
      if ((value as { url?: unknown }).url === undefined) throw new OptionsError(`${path}.url`, 'is missing');
    }
  }, 1),
  keepalive: members({
    connections: count('connections'),
    idleMs: ms,
    requests: count('requests'),
    ageMs: ms,
  }),
});

export const upstream: Check = (value, path) => {
  if (typeof value === 'string') return url(value, path);
  if (Array.isArray(value)) {
    listOf(url, 1)(value, path);
    return sameScheme(value as string[], path);
  }
  group(value, path);
  const { servers } = value as Partial<UpstreamGroup>;
  if (servers === undefined) throw new OptionsError(`${path}.servers`, 'is missing');
  sameScheme(
    servers.map((one) => (typeof one === 'string' ? one : one.url)),
    `${path}.servers`,
  );
};

/** Servers of one group are spoken to in one way. */
function sameScheme(urls: readonly string[], path: string): void {
  const isSecure = (one: string): boolean => (parseUpstreamUrl(one) as UpstreamUrl).isSecure;
  const odd = urls.findIndex((one) => isSecure(one) !== isSecure(urls[0]));
  if (odd < 0) return;
  throw new OptionsError(`${path}[${odd}]`, 'one of them is spoken to over TLS and another is not');
}

function field(name: string, value: string, path: string): void {
  const fault = fieldFault(name, value);
  if (fault !== '') throw new OptionsError(path, fault);
}

const fieldValues = record((name, value, path) => {
  oneOrMore(text)(value, path);
  for (const one of [value].flat()) field(name, one as string, path);
});

const fieldChanges = members({
  set: record((name, value, path) => {
    if (typeof value === 'string') return field(name, value, path);
    field(name, '', path);
    if (value !== null && typeof value !== 'function') {
      throw new OptionsError(path, `expected a string, null or a function, got ${shown(value)}`);
    }
  }),
  append: fieldValues,
  remove: listOf((name, path) => {
    text(name, path);
    field(name as string, '', path);
  }),
});

const protocols: Check = (value, path) => {
  if (typeof value !== 'boolean') listOf(text)(value, path);
};

const FORWARD: Readonly<Record<string, Check>> = {
  hostField: (value, path) => {
    text(value, path);
    field('Host', value as string, path);
  },
  forwarded: choice('append', 'replace', 'none'),
  protocols,
  request: fieldChanges,
  response: fieldChanges,
  maxContentOctets: octets,
  maxAttempts: count('attempts'),
  timeouts: members({ connectMs: ms, sendMs: ms, readMs: ms, tunnelIdleMs: ms }),
  farewell: members({
    code: (value, path) => {
      if (typeof value === 'number' && isCloseCode(value)) return;
      throw new OptionsError(path, `expected a code that a Close frame may carry, got ${shown(value)}`);
    },
    reason: (value, path) => {
      text(value, path);
      if (Buffer.byteLength(value as string) <= MAX_CLOSE_REASON_OCTETS) return;
      throw new OptionsError(
        path,
        `is longer than ${MAX_CLOSE_REASON_OCTETS} octets, which is what a Close frame holds`,
      );
    },
    spreadMs: ms,
    answerMs: ms,
  }),
  upstreamTls: (value, path) => {
    members({ ca: oneOrMore(text), cert: text, key: text, serverName: text, verify: flag })(value, path);
    try {
      createSecureContext(value as SecureContextOptions);
    } catch (error) {
      throw new OptionsError(path, `TLS cannot be had of it: ${(error as Error).message}`);
    }
  },
};

const status: Check = (value, path) => {
  if (Number.isInteger(value) && (value as number) >= 200 && (value as number) <= 599) return;
  throw new OptionsError(path, `expected a status from 200 to 599, got ${shown(value)}`);
};

const response = members({
  status,
  fields: fieldValues,
  content: (value, path) => {
    if (typeof value === 'string' || value instanceof Uint8Array) return;
    throw new OptionsError(path, `expected a string or a Uint8Array, got ${shown(value)}`);
  },
});

const ACTION: Readonly<Record<string, Check>> = {
  ...FORWARD,
  upstream,
  target: (value, path) => {
    if (typeof value === 'function') return;
    text(value, path);
    if (!/^\/[\x21-\x7e\x80-\xff]*$/.test(value as string)) {
      throw new OptionsError(
        path,
        `expected a path that begins with "/" and holds no white space, got ${shown(value)}`,
      );
    }
  },
  tunnel: flag,
  respond: (value, path) => {
    if (typeof value === 'number') return status(value, path);
    response(value, path);
    if ((value as { status?: unknown }).status === undefined)
      throw new OptionsError(`${path}.status`, 'is missing');
  },
  reject: choice('close', 'reset'),
};

const ROUTE: Readonly<Record<string, Check>> = {
  ...ACTION,
  host: oneOrMore(text),
  path: (value, path) => {
    if (value instanceof RegExp) return;
    text(value, path);
    if (!(value as string).startsWith('/')) {
      throw new OptionsError(path, `expected a path that begins with "/", or a RegExp, got ${shown(value)}`);
    }
  },
  method: oneOrMore(text),
  upgrades: flag,
  stripPath: flag,
};

/** An action: exactly one of `upstream`, `respond` and `reject`, and settings only beside the first. */
function oneAction(value: object, path: string): void {
  const kinds = ['upstream', 'respond', 'reject'].filter(
    (key) => (value as Record<string, unknown>)[key] !== undefined,
  );
  if (kinds.length !== 1) {
    const got = kinds.length === 0 ? 'none of them' : kinds.join(' and ');
    throw new OptionsError(path, `expected one of upstream, respond and reject, got ${got}`);
  }
  const { tunnel, target, stripPath } = value as Record<string, unknown>;
  if (tunnel === true && (target !== undefined || stripPath === true)) {
    throw new OptionsError(
      `${path}.tunnel`,
      'goes with no target and no stripPath: nothing is requested there',
    );
  }
  if (kinds[0] === 'upstream') return;
  for (const key of [...Object.keys(FORWARD), 'target', 'stripPath', 'tunnel']) {
    if ((value as Record<string, unknown>)[key] !== undefined) {
      throw new OptionsError(`${path}.${key}`, `goes with "upstream", not with "${kinds[0]}"`);
    }
  }
}

/** What a route function or a hook decided. @throws OptionsError */
export function checkAction(value: unknown, path: string): void {
  members(ACTION)(value, path);
  oneAction(value as object, path);
}

function route(value: unknown, path: string): void {
  members(ROUTE)(value, path);
  oneAction(value as object, path);
  const { path: match, stripPath } = value as { path?: unknown; stripPath?: unknown };
  if (stripPath === true && typeof match !== 'string') {
    throw new OptionsError(`${path}.stripPath`, 'needs a "path" that is a string');
  }
}

const HOOKS = members({
  request: callback,
  upstream: callback,
  response: callback,
  switched: callback,
  tunnelClosed: callback,
  finished: callback,
  error: callback,
});

const OPTIONS = members({
  ...FORWARD,
  upstream,
  routes: (value, path) => {
    if (typeof value !== 'function') listOf(route, 1)(value, path);
  },
  config: (value, path) => {
    if (value instanceof Config) return;
    const hint = typeof value === 'string' ? ': await loadConfig(text) first' : '';
    throw new OptionsError(path, `expected what loadConfig() resolves to, got ${shown(value)}${hint}`);
  },
  hooks: HOOKS,
  hookTimeoutMs: count('milliseconds', 1),
  limits: members({
    connections: count('connections', 16, 4_194_304),
    headOctets: count('octets', 256, 262_080),
    lineOctets: count('octets', 64, 262_080),
    fields: count('fields', 1, 65_535),
  }),
  downstreamTimeouts: members({ headMs: ms, contentMs: ms, sendMs: ms, idleMs: ms }),
  transport: choice('net', 'handle'),
  onLog: callback,
  onAccess: callback,
});

/** Options of a proxy. @throws OptionsError */
export function checkOptions(value: unknown): void {
  const path = 'options';
  OPTIONS(value, path);
  const options = value as Record<string, unknown>;
  const sources = ['upstream', 'routes', 'config'].filter((key) => options[key] !== undefined);
  if (sources.length !== 1) {
    const got = sources.length === 0 ? 'none of them' : sources.join(' and ');
    throw new OptionsError(path, `expected one of upstream, routes and config, got ${got}`);
  }
  if (options.config === undefined) return;
  for (const key of [...Object.keys(FORWARD), 'limits', 'downstreamTimeouts']) {
    if (options[key] !== undefined) {
      throw new OptionsError(
        `${path}.${key}`,
        'has no effect beside "config": say it there, in nginx\'s language',
      );
    }
  }
}
