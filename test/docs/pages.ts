/** The pages that people read, and the fenced blocks in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../package/installed.js';

/**
 * One fenced block, or several that are one program: `<!-- continues -->` stands in front of each one behind the first.
 */
export interface Block {
  /** `docs/express.md:12`: where its text begins. For a failure. */
  readonly where: string;
  /** `docs/express.md#With Express`, with ` 2` behind it for a section's second block of that language. */
  readonly id: string;
  readonly page: string;
  readonly language: string;
  readonly text: string;
  /** Why it is not run, from a comment `<!-- not run: ... -->` in front of it; '' if it is. */
  readonly excuse: string;
}

/** Every page, as a path from the checkout. */
export const PAGES: readonly string[] = [
  'README.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'THIRD-PARTY.md',
  'examples/README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .sort(),
];

export function read(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

/** All blocks of a page, in order. Throws if a fence is not closed. */
function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  const counts = new Map<string, number>();
  const lines = read(page).split('\n');
  let heading = '';
  let excuse = '';
  let continues = false;
  for (let i = 0; i < lines.length; i++) {
    const fence = /^( *)(```+)(\S*)$/.exec(lines[i]);
    if (fence === null) {
      heading = /^#+ (.*)$/.exec(lines[i])?.[1] ?? heading;
      const comment = /^ *<!-- not run: (.+) -->$/.exec(lines[i]);
      const isBlank = lines[i].trim() === '';
      excuse = comment?.[1] ?? (isBlank ? excuse : '');
      continues = lines[i].trim() === '<!-- continues -->' || (isBlank && continues);
      continue;
    }
    const [, indent, ticks, language] = fence;
    const begin = i + 1;
    while (++i < lines.length && lines[i].trim() !== ticks);
    if (i === lines.length) throw new Error(`${page}:${begin}: this block does not end`);
    const text = `${lines
      .slice(begin, i)
      .map((line) => line.slice(indent.length))
      .join('\n')}\n`;
    if (continues) {
      const last = blocks.pop();
      if (last?.language !== language) throw new Error(`${page}:${begin}: there is nothing to continue`);
      blocks.push({ ...last, text: `${last.text}\n${text}` });
      continues = false;
      continue;
    }
    const key = `${page}#${heading}`;
    const count = (counts.get(`${key} ${language}`) ?? 0) + 1;
    counts.set(`${key} ${language}`, count);
    blocks.push({
      where: `${page}:${begin + 1}`,
      id: count === 1 ? key : `${key} ${count}`,
      page,
      language,
      text,
      excuse,
    });
    excuse = '';
  }
  return blocks;
}

export const BLOCKS: readonly Block[] = PAGES.flatMap(blocksOf);

/** The blocks of these languages that are run. */
export function runnable(...languages: readonly string[]): Block[] {
  return BLOCKS.filter(({ language, excuse }) => languages.includes(language) && excuse === '');
}
