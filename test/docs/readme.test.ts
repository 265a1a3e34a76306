import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DISK } from '../../src/config/files.js';
import { compileConfig } from '../../src/config/compile.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** The fenced blocks of one language. */
function blocks(language: string): string[] {
  return [...README.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map((match) => match[1]);
}

describe('README', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'wirehop-readme-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('has an embedding example of about ten lines that works in an empty project', async () => {
    const [example, ...others] = blocks('js');
    expect(others).to.have.length(0);
    expect(example.trim().split('\n').length).to.be.at.most(10);

    const upstream = http.createServer((request, response) => response.end(`hello from ${request.url}`));
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    const { port } = upstream.address() as AddressInfo;
    // The package as npm would install it: its name leads to this checkout.
    mkdirSync(join(directory, 'node_modules'));
    symlinkSync(ROOT, join(directory, 'node_modules', 'wirehop'));
    const use = `
      const answer = await fetch(\`http://127.0.0.1:\${port}/there\`);
      console.log(answer.status, await answer.text());
      await proxy.close();`;
    const text = example.replace('127.0.0.1:3000', `127.0.0.1:${port}`) + use;
    writeFileSync(join(directory, 'example.mjs'), text);
    try {
      const run = promisify(execFile)(process.execPath, ['example.mjs'], { cwd: directory, timeout: 10_000 });
      const { stdout, stderr } = await run;
      expect(stderr).to.equal('');
      expect(stdout).to.match(/^http:\/\/127\.0\.0\.1:\d+\n200 hello from \/there\n$/);
    } finally {
      upstream.close();
      upstream.closeAllConnections();
    }
  });

  it('has a configuration that compiles', async () => {
    const [text, ...others] = blocks('nginx');
    expect(others).to.have.length(0);
    const file = join(directory, 'nginx.conf');
    writeFileSync(file, text);
    const { config, errors } = await compileConfig({
      file,
      files: DISK,
      resolve: () => Promise.reject(new Error('no name needs resolving')),
      openLog: () => ({ write: () => undefined }),
      openErrorLog: () => ({ log: () => undefined }),
    });
    expect(errors.map(({ message }) => message)).to.deep.equal([]);
    expect(config!.listeners[0].address).to.include({ port: 8080 });
  });

  it('links only to files that exist, and walks a request through files that exist', () => {
    const links = [...README.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1]);
    expect(links).to.have.length.above(8);
    for (const link of links) expect(() => readFileSync(join(ROOT, link)), link).not.to.throw();
  });
});
