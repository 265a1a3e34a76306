// Writes the generated documentation from the built package: the directive table and the state diagrams.
import { readFileSync, writeFileSync } from 'node:fs';
import { renderDirectives } from '../dist/src/config/docs.js';
import { renderDiagrams } from '../dist/src/machine/diagram.js';

const path = (name) => new URL(`../docs/${name}`, import.meta.url);

writeFileSync(path('directives.md'), renderDirectives());

const machine = readFileSync(path('machine.md'), 'utf8');
const [begin, end] = ['<!-- generated: npm run docs -->\n', '<!-- end of generated part -->'];
const head = machine.slice(0, machine.indexOf(begin) + begin.length);
writeFileSync(path('machine.md'), `${head}\n${renderDiagrams()}\n${machine.slice(machine.indexOf(end))}`);
