/** Proves that the pid file is whole, is this process's to remove, and never leads to a signal for a group. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readPid, removePidFile, writePidFile } from '../../src/process/pid-file.js';

describe('pid file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'wirehop-pid-'));
    path = join(folder, 'x.pid');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('holds this process, replaces an older file, and leaves nothing beside it', () => {
    writeFileSync(path, '1\n');
    writePidFile(path);
    expect(readFileSync(path, 'utf8')).to.equal(`${process.pid}\n`);
    expect(readPid(path)).to.equal(process.pid);
    expect(readdirSync(folder)).to.deep.equal(['x.pid']);
    removePidFile(path);
    expect(existsSync(path)).to.equal(false);
  });

  it('stays when it names another process, or is gone already', () => {
    writeFileSync(path, '1\n');
    removePidFile(path);
    expect(readFileSync(path, 'utf8')).to.equal('1\n');
    removePidFile(join(folder, 'gone.pid'));
  });

  for (const text of ['', '0', '-1', '-5', '12x', '1 2', '99999999999', 'NaN']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      writeFileSync(path, text);
      expect(() => readPid(path)).to.throw(RangeError, `invalid PID number "${text}" in "${path}"`);
    });
  }
});
