/**
 * Shows a person what is wrong with a configuration: nginx's line first, because people and programs know it, then the
 * line of the file with a mark below the word, then what to do. Decides nothing.
 */
import type { ConfigError } from '../error.js';
import type { LogLevel } from '../proxy/model.js';

/** A file of a configuration, as it was read: Latin-1 text, one code unit per octet. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** Longest part of a line that is shown, in characters; the word at fault stays in view. */
const EXCERPT_MAX = 96;
const BEFORE_WORD_MAX = 60;

/** `unknown directive "foo" in /etc/nginx.conf:3`; what stands in -g is `in command line`, as nginx says it. */
export function describeConfigError(error: ConfigError): string {
  if (error.file === '') return error.line > 0 ? `${error.text} in command line` : error.text;
  return `${error.text} in ${error.file}${error.line > 0 ? `:${error.line}` : ''}`;
}

/** One line for a log: the description, and the hint in brackets. */
export function logConfigError(error: ConfigError): string {
  return describeConfigError(error) + (error.hint === '' ? '' : ` (${error.hint})`);
}

/** Several lines for a terminal, each with its line end. */
export function renderConfigError(level: LogLevel, error: ConfigError, sources: readonly Source[]): string {
  const head = `wirehop: [${level}] ${describeConfigError(error)}\n`;
  const excerpt = renderExcerpt(error, sources);
  return head + excerpt + (error.hint === '' ? '' : `    hint: ${error.hint}\n`);
}

function renderExcerpt(error: ConfigError, sources: readonly Source[]): string {
  if (error.line < 1) return '';
  const line = sources.find((source) => source.path === error.file)?.text.split('\n')[error.line - 1];
  if (line === undefined) return '';
  const shown = printable(decode(line));
  if (shown.trim() === '') return '';
  const number = String(error.line);
  const gutter = `    ${' '.repeat(number.length)} | `;
  if (error.column < 1) return `    ${number} | ${shown.slice(0, EXCERPT_MAX)}\n`;
  // Columns count octets, a terminal counts characters.
  const before = printable(decode(line.slice(0, error.column - 1))).length;
  const from = before > BEFORE_WORD_MAX ? before - BEFORE_WORD_MAX : 0;
  const text = shown.slice(from, from + EXCERPT_MAX);
  return `    ${number} | ${text}\n${gutter}${' '.repeat(before - from)}^\n`;
}

/** A terminal wants UTF-8's characters where a file has them. */
function decode(octets: string): string {
  return Buffer.from(octets, 'latin1').toString();
}

/** A file may hold anything: a tab becomes a space, what a terminal would act on becomes a question mark. */
function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\t\r]/g, ' ').replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
