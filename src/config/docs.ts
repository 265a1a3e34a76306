/**
 * The document of the configuration surface, made from the tables that the compiler itself uses. Decides how they read.
 */
import { TOPICS } from './directives/index.js';
import { INERT } from './inert.js';
import { REFUSED } from './refused.js';
import { NGINX_DOCS, type Entry } from './table.js';

const INTRODUCTION = `# Directives

wirehop reads nginx's configuration language: its grammar, contexts, inheritance, units, complex values and variables.
nginx's documentation is the specification of each name below. A directive is honoured as documented there, or refused
by name with file and line, the reason and what to do instead. \`wirehop -t\` names all faults of a file at once.

- **nginx**: as in nginx.
- **narrower**: some values are refused, or the default differs; the note says which.
- **wirehop**: not in nginx.

Everything streams: wirehop never spools a message to disk. That is nginx with \`proxy_buffering off\` and
\`proxy_request_buffering off\`, and is where it may differ visibly.

This file is made from the directive table (\`npm run docs\`); a test fails when it is stale.
`;

/** docs/directives.md, whole. */
export function renderDirectives(): string {
  const topics = TOPICS.map(([title, entries]) => `## ${title}\n\n${entries.map(renderEntry).join('\n')}`);
  return `${[INTRODUCTION, ...topics, renderInert(), renderRefused()].join('\n')}`;
}

function renderEntry(entry: Entry): string {
  const { name, syntax, contexts, fallback, kind, note } = entry;
  const end = entry.isBlock === true ? '' : ';';
  const lines = [
    `### ${name}${sameNames(entry)}`,
    '',
    `    ${name}${syntax === '' ? '' : ` ${syntax}`}${end}`,
    '',
    `- Context: ${contexts.join(', ')}`,
    `- Default: ${fallback === '' ? 'none' : `\`${fallback}\``}`,
    `- Kind: ${kind}${kind === 'wirehop' ? '' : `, [nginx's documentation](${NGINX_DOCS}${entry.page}#${name})`}`,
  ];
  if (note !== '') lines.push(`- ${note}`);
  return `${lines.join('\n')}\n`;
}

/** Names with a meaning per context get the context into their heading, so that headings differ. */
function sameNames(entry: Entry): string {
  const twins = TOPICS.flatMap(([, entries]) => entries).filter((one) => one.name === entry.name);
  return twins.length > 1
    ? ` (${entry.contexts[0] === 'upstream' ? 'upstream' : entry.contexts.join(', ')})`
    : '';
}

function renderInert(): string {
  const rows = [...INERT.values()].map(({ name, reason }) => `| \`${name}\` | ${reason} |`);
  const text =
    'Accepted wherever nginx accepts them, with one warning each at start: their mechanism is not here.';
  return `## Accepted, without effect\n\n${text}\n\n| Name | Why |\n| --- | --- |\n${rows.join('\n')}\n`;
}

function renderRefused(): string {
  const byReason = new Map<string, string[]>();
  for (const { name, reason } of REFUSED.values()) {
    const names = byReason.get(reason);
    if (names === undefined) byReason.set(reason, [name]);
    else names.push(name);
  }
  const groups = [...byReason].map(
    ([reason, names]) => `- ${capital(reason)}: ${names.map(code).join(', ')}`,
  );
  const text = "nginx's other names, by the reason that their refusal gives.";
  return `## Refused\n\n${text}\n\n${groups.join('\n')}\n`;
}

function code(name: string): string {
  return `\`${name}\``;
}

function capital(text: string): string {
  return text.startsWith('wirehop') ? text : text[0].toUpperCase() + text.slice(1);
}
