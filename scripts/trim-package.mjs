// Names what the package does not need, in dist/src/.npmignore: modules that neither an entry point nor the command
// reaches (the demo, the writers of documentation), and declarations that no entry point's declarations reach.
// Run by `npm pack` and `npm publish`, behind the build.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { posix, relative } from 'node:path';

const root = fileURLToPath(new URL('../', import.meta.url));
const built = 'dist/src';
const { exports, bin } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const conditions = Object.values(exports).filter((entry) => typeof entry === 'object');

/** The files that this one imports or starts; a declaration file imports declaration files. */
function importsOf(path) {
  const text = readFileSync(root + path, 'utf8');
  return [...text.matchAll(/(?:from|import|import\(|new URL\()\s*['"](\.[^'"]+\.js)['"]/g)].map(
    ([, name]) => {
      const target = posix.join(posix.dirname(path), name);
      return path.endsWith('.d.ts') ? target.replace(/\.js$/, '.d.ts') : target;
    },
  );
}

const needed = new Set();
const waiting = [...conditions.flatMap((entry) => [entry.types, entry.default]), ...Object.values(bin)].map(
  (path) => posix.normalize(path),
);
for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
  if (needed.has(path)) continue;
  needed.add(path);
  waiting.push(...importsOf(path));
}

const lines = readdirSync(root + built, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name !== '.npmignore')
  .map((entry) => posix.join(relative(root, entry.parentPath), entry.name))
  .filter((path) => !needed.has(path))
  .map((path) => `/${posix.relative(built, path)}\n`);
writeFileSync(`${root}${built}/.npmignore`, lines.sort().join(''));
