/**
 * Draws the state diagram of docs/machine.md from the tables of `phases.ts`, so that the two cannot differ.
 */
import { REQUEST_TABLE, RESPONSE_TABLE } from './phases.js';

/** A Mermaid state diagram of one table. Inputs between the same two phases share an arrow. */
function diagram(table: Record<string, Partial<Record<string, string>>>): string {
  const lines = ['stateDiagram-v2', '  [*] --> idle'];
  for (const [from, row] of Object.entries(table)) {
    const inputs = new Map<string, string[]>();
    for (const [input, to] of Object.entries(row)) inputs.set(to!, [...(inputs.get(to!) ?? []), input]);
    for (const [to, names] of inputs) lines.push(`  ${from} --> ${to}: ${names.join(', ')}`);
  }
  lines.push('  closed --> [*]');
  return lines.join('\n');
}

/** The generated part of docs/machine.md: both diagrams, as Markdown. */
export function renderDiagrams(): string {
  return (
    `### The request: what the downstream side may do\n\n\`\`\`mermaid\n${diagram(REQUEST_TABLE)}\n\`\`\`\n\n` +
    `### The response: what the downstream side is owed\n\n\`\`\`mermaid\n${diagram(RESPONSE_TABLE)}\n\`\`\`\n`
  );
}
