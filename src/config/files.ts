/**
 * How the configuration reaches its files: the one interface, the disk behind it, and a version in memory for tests and
 * one-liners. The only file of this room that knows the file system.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expandGlob } from './glob.js';

/** What the compiler needs of a file system. */
export interface ConfigFiles {
  /**
   * The file's octets as Latin-1 text. Throws an Error whose `code` is the system's (`ENOENT`).
   * @param path absolute
   */
  readFile(path: string): string;
  /**
   * Paths matching a pattern, sorted; none is no error.
   * @param pattern absolute path with `*`, `?` or `[set]`
   */
  glob(pattern: string): readonly string[];
}

/** The disk. */
export const DISK: ConfigFiles = {
  readFile: (path) => readFileSync(path, 'latin1'),
  glob: (pattern) =>
    expandGlob(pattern, (path) => {
      try {
        return readdirSync(path);
      } catch {
        return undefined; // as glob(3): what cannot be read matches nothing
      }
    }),
};

/**
 * Files in memory.
 * @param texts text by absolute path
 */
export function memoryFiles(texts: Readonly<Record<string, string>>): ConfigFiles {
  const list = (path: string): string[] => {
    const prefix = path.endsWith('/') ? path : `${path}/`;
    const below = Object.keys(texts).filter((name) => name.startsWith(prefix));
    return [...new Set(below.map((name) => name.slice(prefix.length).split('/')[0]))];
  };
  return {
    readFile(path) {
      const text = texts[path];
      if (text === undefined) throw Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' });
      return Buffer.from(text, 'utf8').toString('latin1');
    },
    glob: (pattern) => expandGlob(pattern, list),
  };
}
