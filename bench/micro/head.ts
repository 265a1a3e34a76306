/** Head reading: octets to fields, ours against llhttp-wasm's wrapper and Node's parser. */
import { REQUESTS, RESPONSES, type HeadFixture } from '../fixtures.js';
import { check, checkSame, type Case, type Skipped, type Suite } from '../suite.js';
import { HEAD_SUBJECTS, type PlainHead } from './head-subjects.js';

const FIXTURES: readonly HeadFixture[] = [
  REQUESTS.minimal,
  REQUESTS.browser,
  REQUESTS.cookies,
  RESPONSES.minimal,
  RESPONSES.plain,
  RESPONSES.cookies,
];

export const HEAD_SUITE: Suite = {
  name: 'head',
  about: 'reading heads, whole and in two parts: wirehop, the wrapper of llhttp-wasm, Node',
  cases(): Promise<{ cases: Case[]; skipped: Skipped[] }> {
    const cases: Case[] = [];
    const skipped: Skipped[] = [];
    for (const fixture of FIXTURES) {
      for (const cut of ['whole', 'halves'] as const) {
        const group = `${fixture.kind}, ${fixture.name}, ${cut === 'whole' ? 'whole' : 'in two parts'}`;
        const parts = fixture[cut];
        let reference: PlainHead | null = null;
        for (const { name, make } of HEAD_SUBJECTS) {
          let reader;
          try {
            reader = make(fixture.kind);
          } catch (error) {
            skipped.push({ group, subject: name, reason: (error as Error).message });
            continue;
          }
          const found = reader.read(parts);
          check(
            `${group}: ${name} reads ${fixture.fields} fields`,
            found.fields.length === fixture.fields * 2,
          );
          checkSame(`${group}: ${name} against ${HEAD_SUBJECTS[0].name}`, found, (reference ??= found));
          cases.push({ group, subject: name, run: () => reader.run(parts) });
        }
      }
    }
    return Promise.resolve({ cases, skipped });
  },
};
