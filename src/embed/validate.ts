/**
 * Holds options against their types at run time, and says which one is wrong: `options.routes[1].upstream: ...`. Decides
 * nothing else; what an option means is for those who use it.
 */

/** An option that cannot be used. `message` begins with its path. */
export class OptionsError extends TypeError {
  /** The class's name. */
  override readonly name = 'OptionsError';
  /** For programs. */
  readonly code = 'ERR_WIREHOP_OPTIONS';
  /** @param path such as `options.routes[1].upstream` */
  constructor(
    readonly path: string,
    text: string,
  ) {
    super(`${path}: ${text}`);
  }
}

/** Looks at one value. @throws OptionsError */
export type Check = (value: unknown, path: string) => void;

/** What people mean who write another proxy's option. */
const KNOWN_ELSEWHERE: Readonly<Record<string, string>> = {
  target: 'use "upstream", or wirehop/http-proxy for http-proxy\'s options',
  forward: 'use "upstream"',
  ws: 'WebSocket upgrades are on; "protocols: false" turns them off',
  changeOrigin: 'use "hostField: \'upstream\'"',
  xfwd: 'use "forwarded"; it is on',
  headers: 'use "request: { set: { ... } }"',
  secure: 'TLS towards an upstream is told by its address',
  timeout: 'use "downstreamTimeouts"',
  proxyTimeout: 'use "timeouts: { readMs }"',
  pathRewrite: 'use "target" or "stripPath"',
};

/** An object with these members and no others; each is checked where it is there. */
export function members(checks: Readonly<Record<string, Check>>): Check {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new OptionsError(path, `expected an object, got ${shown(value)}`);
    }
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined) continue;
      const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
      if (check === undefined) {
        const hint = Object.hasOwn(KNOWN_ELSEWHERE, key)
          ? KNOWN_ELSEWHERE[key]
          : `there are ${Object.keys(checks).join(', ')}`;
        throw new OptionsError(`${path}.${key}`, `unknown option (${hint})`);
      }
      check(member, `${path}.${key}`);
    }
  };
}

export const text: Check = (value, path) => {
  if (typeof value !== 'string') throw new OptionsError(path, `expected a string, got ${shown(value)}`);
};

export const flag: Check = (value, path) => {
  if (typeof value !== 'boolean') throw new OptionsError(path, `expected true or false, got ${shown(value)}`);
};

export const callback: Check = (value, path) => {
  if (typeof value !== 'function') throw new OptionsError(path, `expected a function, got ${shown(value)}`);
};

/** A whole number from `least` on, or Infinity never. @param unit for the message */
export function count(unit: string, least = 0, most = Number.MAX_SAFE_INTEGER): Check {
  return (value, path) => {
    if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return;
    const bounds = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
    throw new OptionsError(path, `expected a whole number of ${unit} ${bounds}, got ${shown(value)}`);
  };
}

export function choice(...allowed: readonly string[]): Check {
  return (value, path) => {
    if (typeof value === 'string' && allowed.includes(value)) return;
    throw new OptionsError(path, `expected one of ${allowed.map(shown).join(', ')}, got ${shown(value)}`);
  };
}

/** An array, each element checked. */
export function listOf(check: Check, least = 0): Check {
  return (value, path) => {
    if (!Array.isArray(value)) throw new OptionsError(path, `expected an array, got ${shown(value)}`);
    if (value.length < least) throw new OptionsError(path, `expected at least ${least}, got none`);
    value.forEach((one, i) => check(one, `${path}[${i}]`));
  };
}

/** One of them, or an array of them. */
export function oneOrMore(check: Check): Check {
  return (value, path) => (Array.isArray(value) ? listOf(check, 1)(value, path) : check(value, path));
}

/** An object of any keys; each pair is checked. */
export function record(check: (key: string, value: unknown, path: string) => void): Check {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new OptionsError(path, `expected an object, got ${shown(value)}`);
    }
    for (const [key, one] of Object.entries(value)) check(key, one, `${path}[${JSON.stringify(key)}]`);
  };
}

/** A value as a message shows it: short, and on one line. */
export function shown(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}
