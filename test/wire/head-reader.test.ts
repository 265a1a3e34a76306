/**
 * The head reader against the case files. Proves that each rule of the wire holds for heads, whole and at every cut.
 */
import { readCaseFiles } from './cases.js';
import { headReplay } from './head-log.js';
import { itReplaysEverySplit } from './replay.js';

for (const { title, cases } of readCaseFiles()) {
  describe(`head reader: ${title}`, () => {
    for (const { title: name, where, type, toHead, limits, octets, log } of cases) {
      describe(name, () => {
        itReplaysEverySplit(octets, log, headReplay({ type, toHead, limits }), where);
      });
    }
  });
}
