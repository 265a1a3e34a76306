/**
 * `include` as a pass over the tree: each one is replaced by the directives of its files. Decides which files belong to
 * a configuration and in what order; leaves their meaning to the table.
 */
import { dirname, resolve } from 'node:path';
import type { ConfigError } from '../error.js';
import type { ConfigFiles } from './files.js';
import { isGlob } from './glob.js';
import { parse } from './parser.js';
import { systemReason } from './system-reason.js';
import { decodeText, faultAt, type Directive, type Place } from './syntax.js';

/** nginx has no bound and dies of open files; a chain this long is a loop. */
const MAX_DEPTH = 32;

/** A file that was read. */
export interface SourceText {
  /** Absolute path. */
  readonly path: string;
  /** Its octets as Latin-1 text. */
  readonly text: string;
}

/** A configuration with its includes in place. */
export interface Assembled {
  readonly directives: readonly Directive[];
  readonly errors: readonly ConfigError[];
  /** Every file once, in the order of its first use, the main file first. */
  readonly sources: readonly SourceText[];
}

/**
 * Reads the main file and all that it includes. Relative names are taken from the main file's directory, whichever
 * file names them, as nginx does.
 *
 * @param file absolute path of the main file
 * @param globals text of -g, read in front of the file
 */
export function assemble(file: string, files: ConfigFiles, globals = ''): Assembled {
  const reader = new Assembler(dirname(file), files);
  const parameters = parse(globals, '');
  if (parameters.error !== null) reader.errors.push(parameters.error);
  const front = reader.expand(parameters.directives, []);
  const directives = [...front, ...reader.read(file, [], null)];
  return { directives, errors: reader.errors, sources: reader.sources };
}

class Assembler {
  readonly errors: ConfigError[] = [];
  readonly sources: SourceText[] = [];
  private readonly texts = new Map<string, string>();

  constructor(
    private readonly prefix: string,
    private readonly files: ConfigFiles,
  ) {}

  /** @param chain the files whose include led here */
  read(path: string, chain: readonly string[], at: Place | null): Directive[] {
    const text = this.text(path, at);
    if (text === undefined) return [];
    const { directives, error } = parse(text, path);
    const expanded = this.expand(directives, [...chain, path]);
    // Behind what stands in front of it: the errors are told in the order of the file.
    if (error !== null) this.errors.push(error);
    return expanded;
  }

  expand(directives: readonly Directive[], chain: readonly string[]): Directive[] {
    return directives.flatMap((directive) => {
      if (directive.name === 'include' && directive.block === null) return this.include(directive, chain);
      if (directive.block === null) return [directive];
      return [{ ...directive, block: this.expand(directive.block, chain) }];
    });
  }

  private include(directive: Directive, chain: readonly string[]): Directive[] {
    if (directive.args.length !== 1) {
      this.errors.push(faultAt(directive, 'invalid number of arguments in "include" directive'));
      return [];
    }
    const pattern = resolve(this.prefix, decodeText(directive.args[0].text));
    const paths = isGlob(pattern) ? this.files.glob(pattern) : [pattern];
    return paths.flatMap((path) => {
      if (chain.includes(path) || chain.length >= MAX_DEPTH) {
        const hint = chain.includes(path) ? `"${path}" includes itself` : `more than ${MAX_DEPTH} files deep`;
        this.errors.push(faultAt(directive, `include of "${path}" never ends`, hint));
        return [];
      }
      return this.read(path, chain, directive.args[0]);
    });
  }

  private text(path: string, at: Place | null): string | undefined {
    const known = this.texts.get(path);
    if (known !== undefined) return known;
    try {
      const text = this.files.readFile(path);
      this.texts.set(path, text);
      this.sources.push({ path, text });
      return text;
    } catch (error) {
      this.errors.push(
        faultAt(at ?? { file: '', line: 0, column: 0 }, `open() "${path}" failed (${systemReason(error)})`),
      );
      return undefined;
    }
  }
}
