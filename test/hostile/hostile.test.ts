/**
 * The corpus of hostile peers, through the real command on both transports.
 */
import { expect } from 'chai';
import { TABLES } from './cases/index.js';
import { runFamilies } from './family-runner.js';
import { FAMILIES, type Family } from './octet-families.js';
import type { Outcome } from './runner.js';
import { judge, place, type Placed, play, reserve, staged, strike } from './stage.js';

describe('hostile peers', function () {
  this.timeout(60_000);
  const tables = TABLES.map((table) => ({ title: table.title, placed: place(table) }));
  const families = FAMILIES.map((family) => ({ family, slot: reserve() }));
  for (const transport of ['net', 'handle'] as const) {
    describe(transport, () => {
      let outcomes: Map<Placed, Outcome>;
      before(async () => {
        outcomes = await play(
          transport,
          tables.flatMap(({ placed }) => placed),
        );
      });
      for (const { title, placed } of tables) {
        describe(title, () => {
          for (const one of placed) {
            it(one.given.name, () => expect(judge(one, outcomes.get(one)!)).to.deep.equal([]));
          }
        });
      }
      describe('every octet', () => {
        let found: Map<Family, string[]>;
        before(async () => {
          const [origin, subject] = await staged(transport);
          found = await runFamilies(subject.port, origin, families);
        });
        for (const { family } of families) {
          it(family.name, () => expect(found.get(family)).to.deep.equal([]));
        }
      });
    });
  }
  after(async () => {
    expect(await strike()).to.deep.equal([]);
  });
});
