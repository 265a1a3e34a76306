/**
 * `root` and `alias`: which file a path stands for (`ngx_http_map_uri_to_path`). Decides on names alone; whether there is
 * such a file is file-system.ts's to say.
 */
import type { Exchange } from '../../machine/exchange.js';
import type { RequestContext } from '../context.js';
import type { Template } from '../template.js';

/** In {@link FilePaths.replaced}: an `alias` in a location with a regular expression is the whole path. */
export const REPLACES_ALL = -1;

/** A file's path and what of it the configuration gives. */
export interface FilePath {
  /** Latin-1, one character for each octet. */
  readonly path: string;
  /** Octets of `root` or `alias` at its beginning. */
  readonly rootLength: number;
}

/** One `root` or `alias` in force. Immutable. */
export class FilePaths {
  private readonly constantRoot: string | null;

  /**
   * @param root Latin-1; a relative one begins at `prefix`
   * @param replaced octets of the request's path that `alias` stands for: 0 for `root`, or {@link REPLACES_ALL}
   * @param prefix absolute, without a slash at its end; null: `root` is absolute as it stands
   */
  constructor(
    private readonly root: Template,
    readonly replaced: number,
    private readonly prefix: string | null,
  ) {
    this.constantRoot = root.isConstant ? this.absolute(root.text(undefined as unknown as Exchange)) : null;
  }

  get isAlias(): boolean {
    return this.replaced !== 0;
  }

  /** $document_root. */
  rootOf(exchange: Exchange): string {
    return this.constantRoot ?? this.absolute(this.root.text(exchange));
  }

  /** The file of the request's path; null where a rewrite has taken the path away from its `alias`. */
  find(exchange: Exchange, context: RequestContext): FilePath | null {
    if (this.isAlias && context.detour?.keepsLocation === false) return null;
    const root = this.rootOf(exchange);
    return { path: root + this.rest(context), rootLength: root.length };
  }

  /** What of the request's path stands behind the root. */
  rest(context: RequestContext): string {
    if (this.replaced !== REPLACES_ALL) return context.text().slice(this.replaced);
    return context.detour?.addsPathToAlias === true ? context.text() : '';
  }

  /** Whether values of variables are no path below anything: a segment ".." made of them leads elsewhere. */
  climbs({ path, rootLength }: FilePath): boolean {
    return CLIMBS.test(this.constantRoot === null ? path : path.slice(rootLength)) || path.includes('\0');
  }

  private absolute(path: string): string {
    return path.startsWith('/') || this.prefix === null ? path : `${this.prefix}/${path}`;
  }
}

const CLIMBS = /(?:^|\/)\.\.(?:\/|$)/;
