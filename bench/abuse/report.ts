/** The table of an abuse run, as text and as Markdown. Decides how figures look. */
import { table } from '../table.js';
import type { Latencies } from './messages.js';
import type { ScenarioFigures } from './run.js';

const HEAD = [
  'scenario',
  'proxy',
  'connections',
  'p50 ms',
  'p99 ms',
  'control p99',
  'errors',
  'RSS MiB',
  'fds',
  'CPU',
  'what the attacker saw',
];
const LEFT = 3;

/** One row for each scenario and subject; triples are before / during / after. */
function rows(all: readonly ScenarioFigures[]): string[][] {
  return all.map(({ scenario, subject, before, during, after, attack }) => {
    const stretches = [before, during, after];
    const triple = (of: (stretch: typeof before) => string): string => stretches.map(of).join(' / ');
    return [
      scenario.name,
      subject,
      String(attack.mostOpen),
      triple(({ client }) => ms(client.proxy.p50)),
      triple(({ client }) => ms(client.proxy.p99)),
      ms(during.client.control.p99),
      triple(({ client }) => errors(client.proxy)),
      triple(({ residentKib }) => (residentKib / 1024).toFixed(0)),
      triple(({ openFiles }) => String(openFiles)),
      triple(({ load }) => `${(load * 100).toFixed(0)} %`),
      seen(attack),
    ];
  });
}

export function showAbuse(all: readonly ScenarioFigures[]): string {
  return table(HEAD, rows(all), LEFT);
}

export function showAbuseMarkdown(all: readonly ScenarioFigures[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(HEAD), line(HEAD.map(() => '---')), ...rows(all).map(line)].join('\n');
}

function ms(value: number): string {
  return Number.isNaN(value) ? '-' : value.toFixed(value < 10 ? 2 : 0);
}

function errors({ errors: found, retries }: Latencies): string {
  const failed = Object.entries(found).map(([what, count]) => `${count} ${what}`);
  if (retries > 0) failed.push(`${retries} sent again`);
  return failed.length === 0 ? '0' : failed.join(', ');
}

function seen({ opened, refused, ended, answers }: ScenarioFigures['attack']): string {
  const parts = [`${opened} opened`];
  if (refused > 0) parts.push(`${refused} not`);
  if (ended > 0) parts.push(`${ended} ended by the proxy`);
  for (const [status, count] of Object.entries(answers)) parts.push(`${count} x ${status}`);
  return parts.join(', ');
}
