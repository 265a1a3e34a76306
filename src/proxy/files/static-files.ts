/**
 * Answers from files: nginx's index and static modules, in this order. Decides what a request gets where a location says
 * nothing else: a file, another path, or a status; leaves redirections and error pages to `router.ts`.
 */
import type { Exchange } from '../../machine/exchange.js';
import type { RespondPlan } from '../../machine/policy.js';
import type { RequestContext } from '../context.js';
import { logHere } from '../fault-lines.js';
import { systemWords } from '../system-words.js';
import type { Template } from '../template.js';
import type { FilePath, FilePaths } from './file-paths.js';
import { isMissing, lookUp, openFile, type Missing } from './file-system.js';
import { OpenFile } from './open-file.js';
import { Representation, type RepresentationRules } from './representation.js';
import type { LinkMode, LinkRule } from './symlinks.js';

/** What a location says about files. */
export interface FileRules extends RepresentationRules {
  readonly paths: FilePaths;
  /** index. */
  readonly index: readonly Template[];
  /** log_not_found. */
  readonly logsMissing: boolean;
  /** disable_symlinks. */
  readonly links: LinkMode;
  /** disable_symlinks ... from=. */
  readonly linksFrom: Template | null;
  /** Content-Type of a file, for a part of several. */
  readonly typeOf: (exchange: Exchange) => string;
}

/** The plans of a location's files. */
export interface FilePlans {
  readonly whole: RespondPlan;
  readonly part: RespondPlan;
  readonly notModified: RespondPlan;
  /** 416, with what there is. */
  readonly unsatisfiable: RespondPlan;
}

/**
 * What becomes of a request. `path`: another one is looked for, with the same query. `status`: that error. `error`: an
 * answer that an error page may stand in for. `plan`: an answer. `directory`: 301 to the same path with a slash.
 */
export type FileOutcome =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'error'; readonly plan: RespondPlan }
  | { readonly kind: 'plan'; readonly plan: RespondPlan }
  | { readonly kind: 'directory' };

const GETS = new Set(['GET', 'HEAD', 'POST']);

export class StaticFiles {
  constructor(
    readonly rules: FileRules,
    private readonly plans: FilePlans,
  ) {}

  /** @param method of the request as it is now */
  answer(exchange: Exchange, context: RequestContext, method: string): FileOutcome {
    const path = context.text();
    const found = this.rules.paths.find(exchange, context);
    if (found === null) {
      const where = context.location?.pattern ?? '';
      logHere('alert', `"alias" cannot be used in location "${where}" where URI was rewritten`, exchange);
      return failure(500);
    }
    if (path.endsWith('/')) return this.directory(exchange, context, found, method);
    return GETS.has(method) ? this.file(exchange, context, found, method) : failure(405);
  }

  // ---- Directories

  private directory(
    exchange: Exchange,
    context: RequestContext,
    found: FilePath,
    method: string,
  ): FileOutcome {
    const outcome = GETS.has(method) ? this.index(exchange, context, found) : failure(405);
    if (outcome !== null) return outcome;
    logHere('error', `directory index of "${found.path}" is forbidden`, exchange);
    return failure(403);
  }

  /** The first index file that is there; null for none. */
  private index(
    exchange: Exchange,
    context: RequestContext,
    { path, rootLength }: FilePath,
  ): FileOutcome | null {
    let isTested = false;
    for (const template of this.rules.index) {
      const name = template.text(exchange);
      if (name.startsWith('/')) return { kind: 'path', path: name };
      const file = { path: path + name, rootLength };
      const refused = this.climbs(file, exchange);
      if (refused !== null) return refused;
      const found = lookUp(file.path, this.linkRule(exchange, file));
      if (!isMissing(found)) return { kind: 'path', path: context.text() + name };
      const verdict = this.missingIndex(exchange, file.path, found);
      if (verdict !== null) return verdict;
      if (!isTested) {
        const status = this.missingDirectory(exchange, { path, rootLength }, file.path);
        if (status !== null) return status;
        isTested = true;
      }
    }
    return null;
  }

  /** null: the next name is tried. */
  private missingIndex(exchange: Exchange, path: string, { code, call }: Missing): FileOutcome | null {
    switch (code) {
      case 'ENOENT':
        return null;
      case 'ELOOP':
        return failure(403);
      case 'EACCES':
        return this.forbidden(exchange, path);
      case 'ENOTDIR':
      case 'ENAMETOOLONG':
        return this.notFound(exchange, path, code);
      default:
        logHere('crit', `${call} "${path}" failed (${systemWords(code)})`, exchange);
        return failure(500);
    }
  }

  /** Whether the directory that holds no index file is there: null if it is. */
  private missingDirectory(exchange: Exchange, found: FilePath, file: string): FileOutcome | null {
    const { path } = found;
    const directory = lookUp(path, this.linkRule(exchange, found));
    if (isMissing(directory)) {
      if (directory.code === 'ENOENT') return this.notFound(exchange, file, 'ENOENT');
      // What is in it could be looked up, so it can be searched.
      if (directory.code === 'EACCES') return null;
      if (directory.code === 'ELOOP') return failure(403);
      logHere('crit', `${directory.call} "${path}" failed (${systemWords(directory.code)})`, exchange);
      return failure(500);
    }
    if (directory.isDirectory) return null;
    logHere('alert', `"${path}" is not a directory`, exchange);
    return failure(500);
  }

  private forbidden(exchange: Exchange, path: string): FileOutcome {
    logHere('error', `"${path}" is forbidden (${systemWords('EACCES')})`, exchange);
    return failure(403);
  }

  private notFound(exchange: Exchange, path: string, code: string): FileOutcome {
    if (this.rules.logsMissing) logHere('error', `"${path}" is not found (${systemWords(code)})`, exchange);
    return failure(404);
  }

  // ---- Files

  private file(exchange: Exchange, context: RequestContext, found: FilePath, method: string): FileOutcome {
    const { path } = found;
    const refused = this.climbs(found, exchange);
    if (refused !== null) return refused;
    const opened = openFile(path, this.linkRule(exchange, found));
    if (isMissing(opened)) return this.unopened(exchange, path, opened);
    if (opened.isDirectory) return { kind: 'directory' };
    if (!opened.isFile) {
      logHere('crit', `"${path}" is not a regular file`, exchange);
      return failure(404);
    }
    const { size, mtimeMs } = opened.stats;
    const file = new OpenFile(opened.descriptor, size, Math.floor(mtimeMs / 1000));
    if (method === 'POST') {
      file.close();
      return failure(405);
    }
    const representation = new Representation(file, this.rules);
    // The page of a 416 says what there is of what was asked for.
    if (context.detour?.status === 416) representation.contentRange = context.file?.contentRange ?? '';
    context.takeFile(representation);
    return this.represent(exchange, context, representation);
  }

  private represent(exchange: Exchange, { detour }: RequestContext, file: Representation): FileOutcome {
    const { plans, rules } = this;
    const status = detour?.status || 200;
    // The page of another status is no answer to the request's conditions.
    if (status !== 200) return { kind: 'plan', plan: plans.whole };
    switch (file.negotiate(exchange.request, () => rules.typeOf(exchange))) {
      case 206:
        return { kind: 'plan', plan: plans.part };
      case 304:
        return { kind: 'plan', plan: plans.notModified };
      case 412:
        return failure(412);
      case 416:
        return { kind: 'error', plan: plans.unsatisfiable };
      default:
        return { kind: 'plan', plan: plans.whole };
    }
  }

  private unopened(exchange: Exchange, path: string, { code, call }: Missing): FileOutcome {
    const isAbsent = code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG';
    const isForbidden = code === 'EACCES' || code === 'EMLINK' || code === 'ELOOP';
    const text = `${call} "${path}" failed (${systemWords(code)})${this.hintAbout(code)}`;
    if (!isAbsent || this.rules.logsMissing)
      logHere(isAbsent || isForbidden ? 'error' : 'crit', text, exchange);
    return failure(isAbsent ? 404 : isForbidden ? 403 : 500);
  }

  private hintAbout(code: string): string {
    if (code !== 'ELOOP' || this.rules.links !== 'inside') return '';
    return ': it leads out of its root, which only "disable_symlinks off" allows';
  }

  // ---- Both

  /** 403 for a path that leaves its root by name. */
  private climbs(found: FilePath, exchange: Exchange): FileOutcome | null {
    if (!this.rules.paths.climbs(found)) return null;
    logHere('error', `"${found.path}" is forbidden: its name leads out of its root`, exchange);
    return failure(403);
  }

  /** What holds for links on the way to a path. */
  linkRule(exchange: Exchange, found: FilePath): LinkRule {
    return linkRule(this.rules, exchange, found);
  }
}

/** As nginx's `ngx_http_set_disable_symlinks`. */
export function linkRule(rules: FileRules, exchange: Exchange, { path, rootLength }: FilePath): LinkRule {
  const root = path.slice(0, rootLength);
  const from = rules.linksFrom?.text(exchange) ?? '';
  if (from === '' || !path.startsWith(from)) return { mode: rules.links, root, trusted: 0 };
  if (from === path) return { mode: 'off', root, trusted: 0 };
  if (path[from.length] === '/') return { mode: rules.links, root, trusted: from.length };
  const trusted = from.endsWith('/') ? from.length - 1 : 0;
  return { mode: rules.links, root, trusted };
}

function failure(status: number): FileOutcome {
  return { kind: 'status', status };
}
