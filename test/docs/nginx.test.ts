/** Every block in nginx's language compiles, as a whole file or as the part of one that it is. */
import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileConfig } from '../../src/config/compile.js';
import { DISK } from '../../src/config/files.js';
import { Authority } from '../tls/authority.js';
import { runnable } from './pages.js';

/** The contexts that a block may be written for, outermost first. */
const CONTEXTS: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => `events {}\nhttp {\n${text}}\n`,
  (text) => `events {}\nhttp {\nserver {\n${text}}\n}\n`,
  (text) => `events {}\nhttp {\nserver {\nlocation / {\n${text}}\n}\n}\n`,
  (text) => `events {}\nhttp {\nupstream backend {\n${text}}\n}\n`,
];

describe('documentation: configurations', () => {
  let directory: string;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'wirehop-docs-'));
    // Certificates that examples name.
    const authority = await Authority.create('wirehop docs');
    const { cert, key } = await authority.issue();
    const content: Record<string, string> = { crt: cert, key, crl: await authority.revocations() };
    for (const { text } of runnable('nginx')) {
      for (const [name, kind] of text.matchAll(/\b\w+\.(crt|key|crl)\b/g)) {
        writeFileSync(join(directory, name), content[kind]);
      }
    }
  });
  after(() => rmSync(directory, { recursive: true }));

  /** What is wrong with a configuration. */
  async function faults(text: string): Promise<string[]> {
    const file = join(directory, 'nginx.conf');
    writeFileSync(file, text);
    const { errors } = await compileConfig({
      file,
      files: DISK,
      // Names in examples need not exist.
      resolve: () => Promise.resolve(['192.0.2.1']),
      openLog: () => ({ write: () => undefined }),
      openErrorLog: () => ({ log: () => undefined }),
      users: { check: () => Promise.resolve({ kind: 'wrong' }) },
    });
    return errors.map(({ message }) => message);
  }

  for (const { where, text } of runnable('nginx')) {
    it(where, async () => {
      const found: string[][] = [];
      for (const wrap of CONTEXTS) found.push(await faults(wrap(text)));
      const best = found.reduce((least, these) => (these.length < least.length ? these : least));
      expect(best).to.deep.equal([]);
    });
  }
});
