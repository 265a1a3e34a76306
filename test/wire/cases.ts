/**
 * Reads case files: Markdown with prose, an input block and the log that is expected of it. Decides the format only.
 *
 * A case begins with a `##` heading. Its input blocks are fenced with ```` ```request ```` or ```` ```response ````,
 * optionally followed by `toHead`, `maxLine=N`, `maxHead=N`, `maxFields=N`; all inputs in front of one ```` ```log ````
 * block share that log. Octets are spelt as in escapes.ts; line ends of the block do not count.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HeadLimits } from '../../src/wire/http1/head-reader.js';
import { octetsOf } from './escapes.js';
import { LIMITS } from './head-log.js';

export interface HeadCase {
  readonly title: string;
  /** File and line of the input block, as an editor opens it. */
  readonly where: string;
  readonly type: 'request' | 'response';
  readonly toHead: boolean;
  readonly limits: HeadLimits;
  readonly octets: Buffer;
  readonly log: readonly string[];
}

export interface CaseFile {
  readonly title: string;
  readonly cases: readonly HeadCase[];
}

/** Seen from dist/test/wire, where this file runs. */
const FOLDER = fileURLToPath(new URL('../../../test/wire/cases/', import.meta.url));

/** Every case file, in alphabetical order. Throws with file and line for a file that breaks the format. */
export function readCaseFiles(): CaseFile[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .sort()
    .map((name) => parse(readFileSync(FOLDER + name, 'utf8'), `test/wire/cases/${basename(name)}`));
}

interface Block {
  readonly words: readonly string[];
  readonly line: number;
  readonly text: string;
}

function parse(text: string, file: string): CaseFile {
  const lines = text.split('\n');
  const cases: HeadCase[] = [];
  let fileTitle = '';
  let title = '';
  let inputs: Block[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    if (line.startsWith('# ')) fileTitle = line.slice(2);
    if (line.startsWith('## ')) {
      if (inputs.length > 0) throw new Error(`${file}:${inputs[0].line}: no log for this input`);
      title = line.slice(3);
    }
    if (!line.startsWith('```')) continue;
    const first = i + 1;
    while (++i < lines.length && lines[i] !== '```');
    if (i === lines.length) throw new Error(`${file}:${first}: a block without an end`);
    const block = { words: line.slice(3).split(' '), line: first, text: lines.slice(first, i).join('\n') };
    if (block.words[0] !== 'log') {
      inputs.push(block);
      continue;
    }
    if (title === '' || inputs.length === 0) throw new Error(`${file}:${first}: a log without a case`);
    const log = block.text.split('\n');
    for (const input of inputs) cases.push(headCase(input, title, log, file));
    inputs = [];
  }
  if (inputs.length > 0) throw new Error(`${file}:${inputs[0].line}: no log for this input`);
  return { title: fileTitle, cases };
}

function headCase(input: Block, title: string, log: readonly string[], file: string): HeadCase {
  const where = `${file}:${input.line}`;
  const [type, ...options] = input.words;
  if (type !== 'request' && type !== 'response') throw new Error(`${where}: a block of kind "${type}"`);
  let toHead = false;
  const limits = { ...LIMITS };
  for (const option of options) {
    const [name, value] = option.split('=');
    if (option === 'toHead') toHead = true;
    else if (name === 'maxLine') limits.maxLineOctets = Number(value);
    else if (name === 'maxHead') limits.maxHeadOctets = Number(value);
    else if (name === 'maxFields') limits.maxFields = Number(value);
    else throw new Error(`${where}: unknown option "${option}"`);
  }
  let octets: Buffer;
  try {
    octets = octetsOf(input.text);
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
  }
  return { title, where, type, toHead, limits, octets, log };
}
