/**
 * `try_files` (`ngx_http_try_files_module.c`): the first of several files that is there, else another path, a named
 * location or a status.
 */
import type { Exchange } from '../../machine/exchange.js';
import type { RequestContext } from '../context.js';
import { logHere } from '../fault-lines.js';
import { systemWords } from '../system-words.js';
import type { Template } from '../template.js';
import { REPLACES_ALL, type FilePath } from './file-paths.js';
import { isMissing, lookUp } from './file-system.js';
import { linkRule, type FileRules } from './static-files.js';

/** One name. */
export interface TriedFile {
  readonly name: Template;
  /** It ended in a slash, which is left out: a directory is meant. */
  readonly isDirectory: boolean;
}

/** What holds where no file is there. */
export type Fallback = { readonly status: number } | { readonly target: Template };

/** `path` is null: the request goes on, its path changed where a file was found. */
export type TryOutcome =
  | { readonly kind: 'goes on' }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'target'; readonly target: string };

const GOES_ON: TryOutcome = { kind: 'goes on' };

export class TryFiles {
  constructor(
    private readonly files: readonly TriedFile[],
    private readonly fallback: Fallback,
    private readonly rules: FileRules,
  ) {}

  find(exchange: Exchange, context: RequestContext): TryOutcome {
    const { paths } = this.rules;
    if (paths.isAlias && context.detour?.keepsLocation === false) {
      const where = context.location?.pattern ?? '';
      logHere('alert', `"alias" cannot be used in location "${where}" where URI was rewritten`, exchange);
      return { kind: 'status', status: 500 };
    }
    const root = paths.rootOf(exchange);
    for (const { name, isDirectory } of this.files) {
      const tried = this.stripped(name, exchange, context);
      if (!this.isThere({ path: root + tried, rootLength: root.length }, isDirectory, exchange)) continue;
      this.turnTo(tried, isDirectory, context);
      return GOES_ON;
    }
    const { fallback } = this;
    if ('status' in fallback) return { kind: 'status', status: fallback.status };
    return { kind: 'target', target: this.stripped(fallback.target, exchange, context) };
  }

  /** nginx: what variables make loses the part that `alias` stands for. */
  private stripped(name: Template, exchange: Exchange, context: RequestContext): string {
    const text = name.text(exchange);
    const { replaced } = this.rules.paths;
    if (replaced <= 0 || name.isConstant) return text;
    return text.startsWith(context.text().slice(0, replaced)) ? text.slice(replaced) : text;
  }

  private isThere(found: FilePath, isDirectory: boolean, exchange: Exchange): boolean {
    const { rules } = this;
    if (rules.paths.climbs(found)) {
      logHere('error', `"${found.path}" is forbidden: its name leads out of its root`, exchange);
      return false;
    }
    const file = lookUp(found.path, linkRule(rules, exchange, found));
    if (!isMissing(file)) return file.isDirectory === isDirectory;
    const { code, call } = file;
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ENAMETOOLONG')
      logHere('crit', `${call} "${found.path}" failed (${systemWords(code)})`, exchange);
    return false;
  }

  /** The file that was found is the request's path from now on. */
  private turnTo(name: string, isDirectory: boolean, context: RequestContext): void {
    const { replaced } = this.rules.paths;
    if (replaced === REPLACES_ALL) {
      if (isDirectory) return;
      context.leave().addsPathToAlias = true;
      context.setPath(name);
    } else {
      context.setPath(context.text().slice(0, replaced) + name);
    }
  }
}
