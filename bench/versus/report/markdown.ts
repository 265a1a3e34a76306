/** The report as Markdown, its charts as SVG files beside it; in a document of its own, or between two marks. */
import { describeEnvironment } from '../../environment.js';
import { describeDisturbances, type VersusReport } from '../figures.js';
import { skippedLines } from '../text.js';
import { besideOf } from './beside.js';
import { groupsOf } from './groups.js';
import { CAPACITY_PEERS, capacitiesOf } from './headlines.js';
import { cellsOf, type Cells } from './rows.js';
import type { Picture } from './svg-files.js';

const BEGIN = '<!-- versus: begin, written by npm run bench -- --versus --markdown -->';
const END = '<!-- versus: end -->';

/**
 * `text` with the report between the two marks; a document of its own when `text` is ''. Throws a RangeError when
 * there is a text without them.
 */
export function insertMarkdown(text: string, report: string): string {
  const marked = `${BEGIN}\n\n${report}\n${END}`;
  if (text === '') return `# wirehop, side by side\n\n${marked}\n`;
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new RangeError(`the file has no part between "${BEGIN}" and "${END}"`);
  return text.slice(0, begin) + marked + text.slice(end + END.length);
}

/** @param folder of the pictures, as links name it */
export function renderMarkdown(report: VersusReport, pictures: readonly Picture[], folder: string): string {
  const { environment, command, rounds, measureMs, peers, skipped, failed } = report;
  const link = (name: string): string[] =>
    pictures
      .filter((picture) => picture.name === name)
      .map(({ label }) => `![${label}](${folder}/${name}.svg)`);
  const versions = [...new Set(peers.flatMap(({ version }) => (version === '' ? [] : [version])))];
  const groups = groupsOf(report).flatMap((group) => [
    `### ${group.title}`,
    group.text,
    ...link(group.name),
    ...group.works.flatMap((work) => [
      `**${work.title}** (${work.date})`,
      markdownTable(cellsOf(report, work)),
    ]),
  ]);
  const beside = besideOf(report).flatMap(({ name, title, text, tables }) => [
    `### ${title}`,
    text,
    ...link(name),
    ...tables.flatMap(({ caption, cells }) => [`**${caption}**`, markdownTable(cells)]),
  ]);
  return `${[
    [
      `${environment.date}. ${describeEnvironment(environment).split('\n')[1]}.`,
      `${versions.join(', ')}.`,
      `${rounds} rounds of ${measureMs} ms, the peers in turns; medians, "middle half" from the first to the third quartile of the rounds.`,
      ...[describeDisturbances(report)].filter((line) => line !== ''),
    ].join('\n'),
    `\`\`\`sh\n${command}\n\`\`\``,
    ...link('overview'),
    ...failed.map(({ peer, work, reason }) => `**${peer} failed at ${work}**: ${reason}`),
    ...groups,
    ...beside,
    ...capacity(report),
    ...(skipped.length === 0
      ? []
      : [
          'Left out:',
          skippedLines(skipped)
            .map((line) => `- ${line.replace(/^skipped /, '')}`)
            .join('\n'),
        ]),
  ].join('\n\n')}\n`;
}

function capacity(report: VersusReport): string[] {
  const all = capacitiesOf(report);
  if (all.length === 0) return [];
  return [
    '### What to expect from a core and from a GB',
    'From CPU time and memory per operation: what one such core, or 1 GB of memory, carries when nothing else limits. Two digits are known.',
    markdownTable({
      head: ['', ...CAPACITY_PEERS],
      rows: all.map(({ title, cells }) => [title, ...cells]),
    }),
  ];
}

function markdownTable({ head, rows }: Cells): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    line(head),
    line(head.map((_, i) => (i === 0 ? '---' : '---:'))),
    ...rows.map((row) =>
      line(row[0] === 'wirehop' ? row.map((cell) => (cell === '' ? '' : `**${cell}**`)) : row),
    ),
  ].join('\n');
}
