/** The reference is built from the sources' own comments, and every name that an entry point exports has one. */
import { expect } from 'chai';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manifest, ROOT, run } from '../package/installed.js';

describe('reference', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'wirehop-reference-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  it('is built without a warning (npm run docs:api)', async function () {
    this.timeout(60_000);
    expect(manifest().scripts).to.have.property('docs:api', 'typedoc');
    // typedoc.json makes errors of warnings: an export without a comment, a link that leads nowhere.
    const typedoc = join(ROOT, 'node_modules/typedoc/bin/typedoc');
    await run(ROOT, process.execPath, typedoc, '--out', directory);
    const { exports } = manifest() as { exports: Record<string, unknown> };
    const entries = Object.keys(exports).filter((entry) => !entry.endsWith('.json'));
    expect(readdirSync(join(directory, 'modules'))).to.have.members(
      entries.map((entry) => `${entry === '.' ? 'wirehop' : entry.slice('./'.length)}.html`),
    );
  });
});
