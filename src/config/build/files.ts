/**
 * Levels become rules for files: where they are looked for, which answers, and the plans of what is said of them.
 * Decides nothing at run time.
 */
import type { TypeByExtension } from '../../proxy/content-type.js';
import { fileEdits, type AddedField } from '../../proxy/edits.js';
import { FilePaths } from '../../proxy/files/file-paths.js';
import { fileSource } from '../../proxy/files/representation.js';
import { StaticFiles, type FileRules } from '../../proxy/files/static-files.js';
import { TryFiles } from '../../proxy/files/try-files.js';
import type { DownstreamRules, RespondPlan } from '../../proxy/model.js';
import * as files from '../directives/files.js';
import type { Level } from '../level.js';
import type { Word } from '../syntax.js';
import type { Site } from './site.js';

/** What the plans of a level's files are made of. */
export interface FilePlanParts {
  readonly downstream: DownstreamRules;
  readonly type: string | TypeByExtension;
  readonly add: readonly AddedField[];
  readonly serverTokens: boolean;
  readonly unsatisfiable: RespondPlan;
}

const NOWHERE: Omit<Word, 'text'> = { quoted: false, file: '', line: 0, column: 0 };
const DEFAULT_ROOT: Word = { ...NOWHERE, text: 'html' };
const DEFAULT_INDEX: readonly Word[] = [{ ...NOWHERE, text: 'index.html' }];

/** Makes the file rules of one configuration. */
export class FileBuilder {
  private readonly prefix: string;

  constructor(private readonly site: Site) {
    this.prefix = Buffer.from(site.world.prefix.replace(/\/+$/, ''), 'utf8').toString('latin1');
  }

  paths(level: Level): FilePaths {
    const line = level.get(files.ROOT);
    if (line === null) return new FilePaths(this.site.template(DEFAULT_ROOT), 0, this.prefix);
    // nginx leaves out one slash at the end of a root, and none of an alias.
    const { text } = line.word;
    const isTrimmed = line.name === 'root' && text.endsWith('/');
    const word = isTrimmed ? { ...line.word, text: text.slice(0, -1) } : line.word;
    return new FilePaths(this.site.template(word), line.replaced, text === '/' ? null : this.prefix);
  }

  build(level: Level, paths: FilePaths, parts: FilePlanParts): StaticFiles {
    const plan = (status: number, hasType: boolean): RespondPlan => ({
      kind: 'respond',
      downstream: parts.downstream,
      status,
      edits: fileEdits({ ...parts, type: hasType ? parts.type : null }),
      content: null,
      source: fileSource,
    });
    return new StaticFiles(this.rules(level, paths, parts.type), {
      whole: plan(200, true),
      part: plan(206, true),
      notModified: plan(304, false),
      unsatisfiable: parts.unsatisfiable,
    });
  }

  /** `try_files` of this very level, undefined for none. */
  tryFiles(level: Level, paths: FilePaths): TryFiles | undefined {
    if (!level.has(files.TRY_FILES)) return undefined;
    const { files: tried, target, status } = level.get(files.TRY_FILES)!;
    const { site } = this;
    return new TryFiles(
      tried.map(({ name, isDirectory }) => ({ name: site.template(name), isDirectory })),
      target === null ? { status } : { target: site.template(target) },
      this.rules(level, paths, ''),
    );
  }

  private rules(level: Level, paths: FilePaths, type: string | TypeByExtension): FileRules {
    const { site } = this;
    const { mode, from } = level.get(files.LINKS);
    return {
      paths,
      index: (level.get(files.INDEX) ?? DEFAULT_INDEX).map((word) => site.template(word)),
      logsMissing: level.get(files.LOG_NOT_FOUND),
      links: mode,
      linksFrom: from === null ? null : site.template(from),
      hasEtag: level.get(files.ETAG),
      modifiedRule: level.get(files.IF_MODIFIED_SINCE),
      maxRanges: level.get(files.MAX_RANGES),
      typeOf: (exchange) => (typeof type === 'string' ? type : type.text(exchange)),
    };
  }
}
