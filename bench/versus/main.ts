/** `npm run bench -- --versus`: runs or joins, prints tables, writes the reports. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { print } from '../command.js';
import { describeEnvironment } from '../environment.js';
import { allPeers } from '../peers/index.js';
import { clearProgress, showProgress } from '../progress.js';
import { WORKS } from '../works.js';
import type { VersusReport } from './figures.js';
import { joinReports } from './join.js';
import { parseVersusOptions, VERSUS_HELP, type VersusOptions } from './options.js';
import { runVersus } from './run.js';
import { showVersus } from './text.js';

/** Answers the exit code. Throws a RangeError with a text for the user when the flags are wrong. */
export async function versusMain(args: string[]): Promise<number> {
  const peers = allPeers();
  const options = parseVersusOptions(args, peers);
  if (options.help) return print(VERSUS_HELP);
  if (options.list) return print(listOf(options));
  const command = ['npm run bench -- --versus', ...withoutFiles(args).map(quoted)].join(' ');
  const report =
    options.from.length > 0 ? joinReports(options.from.map(readReport)) : await run(options, command);
  print(`${describeEnvironment(report.environment)}\n\n${showVersus(report)}\n`);
  if (options.json !== '') writeFileSync(options.json, `${JSON.stringify(report, null, 1)}\n`);
  await writeReports(report, options);
  return report.failed.length > 0 ? 1 : 0;
}

async function run({ works, peers, effort }: VersusOptions, command: string): Promise<VersusReport> {
  const startedAt = performance.now();
  const report = await runVersus({ works, peers, effort, command }, ({ what, share }) => {
    const passed = performance.now() - startedAt;
    showProgress(what, share, share > 0.02 ? (passed / share) * (1 - share) : undefined);
  });
  clearProgress();
  return report;
}

/** Loads what draws only when something is drawn: a run without a report needs no library for it. */
export async function writeReports(
  report: VersusReport,
  { html, markdown }: Pick<VersusOptions, 'html' | 'markdown'>,
): Promise<void> {
  if (html !== '') {
    const { renderHtml } = await import('./report/html.js');
    writeFileSync(html, renderHtml(report));
  }
  if (markdown !== '') {
    const { insertMarkdown, renderMarkdown } = await import('./report/markdown.js');
    const { picturesOf } = await import('./report/svg-files.js');
    const folder = join(dirname(markdown), basename(markdown, extname(markdown)));
    const pictures = picturesOf(report);
    mkdirSync(folder, { recursive: true });
    for (const { name, svg } of pictures) writeFileSync(join(folder, `${name}.svg`), svg);
    const before = existsSync(markdown) ? readFileSync(markdown, 'utf8') : '';
    writeFileSync(markdown, insertMarkdown(before, renderMarkdown(report, pictures, basename(folder))));
  }
}

/** Files that a run wrote say nothing about its figures. */
function withoutFiles(args: readonly string[]): string[] {
  const isFile = (arg: string | undefined): boolean => /^--(json|html|markdown)(=|$)/.test(arg ?? '');
  return args.filter((arg, i) => !isFile(arg) && !(isFile(args[i - 1]) && !args[i - 1].includes('=')));
}

function quoted(arg: string): string {
  return /^[\w,.=/:-]*$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}

function readReport(file: string): VersusReport {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as VersusReport;
  } catch (error) {
    throw new RangeError(`--from ${file}: ${(error as Error).message}`);
  }
}

function listOf({ peers }: VersusOptions): string {
  const works = WORKS.map(({ name, title }) => `  ${name.padEnd(18)}${title}\n`);
  const lines = peers.map((peer) => {
    const missing = peer.missing();
    return `  ${peer.name.padEnd(18)}${missing ?? peer.about}\n`;
  });
  return `work:\n${works.join('')}peers:\n${lines.join('')}`;
}
