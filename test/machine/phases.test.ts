import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { renderDiagrams } from '../../src/machine/diagram.js';
import {
  ABSENT,
  REQUEST,
  REQUEST_CELLS,
  REQUEST_IN,
  REQUEST_INPUTS,
  REQUEST_PHASES,
  REQUEST_TABLE,
  RESPONSE,
  RESPONSE_CELLS,
  RESPONSE_IN,
  RESPONSE_INPUTS,
  RESPONSE_PHASES,
  RESPONSE_TABLE,
} from '../../src/machine/phases.js';

const upper = (names: readonly string[]): Record<string, number> =>
  Object.fromEntries(names.map((name, i) => [name.toUpperCase(), i]));

describe('machine: the tables of phases', () => {
  it('numbers phases and inputs in the order of their lists', () => {
    expect(REQUEST).to.deep.equal(upper(REQUEST_PHASES));
    expect(RESPONSE).to.deep.equal(upper(RESPONSE_PHASES));
    expect(REQUEST_IN).to.deep.equal(upper(REQUEST_INPUTS));
    expect(RESPONSE_IN).to.deep.equal(upper(RESPONSE_INPUTS));
  });

  it('compiles every cell, and marks every absent one', () => {
    for (const [table, phases, inputs, cells] of [
      [REQUEST_TABLE, REQUEST_PHASES, REQUEST_INPUTS, REQUEST_CELLS],
      [RESPONSE_TABLE, RESPONSE_PHASES, RESPONSE_INPUTS, RESPONSE_CELLS],
    ] as const) {
      phases.forEach((phase, p) => {
        inputs.forEach((input, i) => {
          const row = (table as Record<string, Partial<Record<string, string>>>)[phase];
          const next = row[input];
          const cell = cells[p * inputs.length + i];
          if (next === undefined) expect(cell, `${phase} ${input}`).to.equal(ABSENT);
          else expect((phases as readonly string[])[cell], `${phase} ${input}`).to.equal(next);
        });
      });
    }
  });

  it('has its diagram in docs/machine.md, up to date (npm run docs)', () => {
    const text = readFileSync(new URL('../../../docs/machine.md', import.meta.url), 'utf8');
    expect(text).to.include(renderDiagrams());
  });
});
