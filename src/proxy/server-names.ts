/**
 * Names with masks: which server a host belongs to, and which value of a `map` with `hostnames`. Both follow one order:
 * the exact name, the longest leading mask, the longest trailing mask, the first regular expression.
 */
import { CompileError } from './compile-error.js';
import { compileRegex } from './regex.js';

/** Host names to values of any kind. Lookups cost one hash per label and allocate only what they cut out. */
export class HostTable<T> {
  private readonly exact = new Map<string, T>();
  /** `*.example.com` under `.example.com`. */
  private readonly leading = new Map<string, T>();
  /** `www.example.*` under `www.example.`. */
  private readonly trailing = new Map<string, T>();

  /**
   * @param name exact, `*.suffix`, `.suffix` (the suffix itself and `*.suffix`), or `prefix.*`; any case
   * @returns false if one of its parts is there already: the first one stays
   * @throws CompileError for a mask at any other place
   */
  add(name: string, value: T): boolean {
    const lower = name.toLowerCase();
    const isLeading = lower.startsWith('*.');
    const isTrailing = lower.endsWith('.*');
    const rest = lower.slice(isLeading ? 1 : 0, isTrailing ? -1 : undefined);
    if (rest.includes('*') || rest.includes('..') || (isLeading && isTrailing) || rest === '.') {
      throw new CompileError(`invalid server name or wildcard "${name}"`);
    }
    if (isLeading) return put(this.leading, rest, value);
    if (isTrailing) return put(this.trailing, rest, value);
    if (!rest.startsWith('.')) return put(this.exact, rest, value);
    const isNew = put(this.exact, rest.slice(1), value);
    return put(this.leading, rest, value) && isNew;
  }

  /** @param host lower case, without port */
  find(host: string): T | undefined {
    const exact = this.exact.get(host);
    if (exact !== undefined) return exact;
    if (this.leading.size > 0) {
      for (let dot = host.indexOf('.', 1); dot > 0; dot = host.indexOf('.', dot + 1)) {
        const found = this.leading.get(host.slice(dot));
        if (found !== undefined) return found;
      }
    }
    if (this.trailing.size > 0) {
      for (let dot = host.lastIndexOf('.', host.length - 2); dot > 0; dot = host.lastIndexOf('.', dot - 1)) {
        const found = this.trailing.get(host.slice(0, dot + 1));
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }
}

function put<T>(map: Map<string, T>, key: string, value: T): boolean {
  if (map.has(key)) return false;
  map.set(key, value);
  return true;
}

/** What a host belongs to. */
export interface FoundServer<S> {
  readonly server: S;
  /** Of the regular expression that matched, else null. */
  readonly captures: RegExpExecArray | null;
}

/** The servers of one listener by name. Immutable. */
export class ServerNames<S extends { readonly names: readonly string[] }> {
  private readonly table = new HostTable<FoundServer<S>>();
  private readonly regexes: { readonly regex: RegExp; readonly server: S }[] = [];
  private readonly fallback: FoundServer<S>;
  /** All names lead to one server, so nobody needs to look. */
  readonly isSingle: boolean;

  /**
   * @param servers in the order of the configuration: of two with the same name the first has it, as in nginx
   * @throws CompileError for an invalid name or regular expression
   */
  constructor(servers: readonly S[], defaultServer: S) {
    this.fallback = { server: defaultServer, captures: null };
    for (const server of servers) {
      const found: FoundServer<S> = { server, captures: null };
      for (const name of server.names) {
        // A host arrives in lower case, so case says nothing.
        if (name.startsWith('~')) this.regexes.push({ regex: compileRegex(name.slice(1), true), server });
        else this.table.add(name, found);
      }
    }
    this.isSingle = this.regexes.length === 0 && servers.every((server) => server === defaultServer);
  }

  /**
   * The server of a host; the default server if no name matches. The answer may be shared.
   * @param host lower case, without port; '' for a request that names none
   */
  find(host: string): FoundServer<S> {
    const found = this.table.find(host);
    if (found !== undefined) return found;
    for (const { regex, server } of this.regexes) {
      const captures = regex.exec(host);
      if (captures !== null) return { server, captures };
    }
    return this.fallback;
  }
}
