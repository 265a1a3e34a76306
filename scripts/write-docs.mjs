// Writes the generated documentation from the built package: the directive table, the state diagrams, the wire rules.
import { readFileSync, writeFileSync } from 'node:fs';
import { renderDirectives } from '../dist/src/config/docs.js';
import { renderDiagrams } from '../dist/src/machine/diagram.js';
import { renderRules } from '../dist/test/rules/rules.js';

const path = (name) => new URL(`../docs/${name}`, import.meta.url);
const [begin, end] = ['<!-- generated: npm run docs -->\n', '<!-- end of generated part -->'];

/** Replaces the part of a page that stands between the marks. */
function fill(name, text) {
  const page = readFileSync(path(name), 'utf8');
  const head = page.slice(0, page.indexOf(begin) + begin.length);
  writeFileSync(path(name), `${head}\n${text}\n${page.slice(page.indexOf(end))}`);
}

writeFileSync(path('directives.md'), renderDirectives());
fill('machine.md', renderDiagrams());
fill('wire.md', renderRules());
