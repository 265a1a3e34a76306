/** Proves that lines are in their file at once, filtered by level, in nginx's form, and that files can be rotated. */
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, chmodSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { errorLine, Logs } from '../../src/process/logs.js';

describe('logs', () => {
  let folder: string;
  let logs: Logs;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'wirehop-logs-'));
    logs = new Logs();
  });
  afterEach(() => {
    logs.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

  it('has a line in the file when write returns', () => {
    const sink = logs.sink(join(folder, 'a.log'));
    sink.write('one');
    expect(read('a.log')).to.equal('one\n');
    sink.write('two');
    expect(read('a.log')).to.equal('one\ntwo\n');
  });

  it('writes access lines octet for octet, and error lines in the script of their author', () => {
    const path = join(folder, 'a.log');
    logs.sink(path).write('\u00c3\u00bc');
    logs.errorLog(path, 'error').log('error', '\u00fc');
    expect(read('a.log')).to.match(/^\u00fc\n.* \u00fc\n$/);
  });

  it('gathers lines up to the size of a buffer', () => {
    const sink = logs.sink(join(folder, 'a.log'), { octets: 10, flushMs: Infinity });
    sink.write('123');
    sink.write('456');
    expect(read('a.log')).to.equal('');
    sink.write('789');
    expect(read('a.log')).to.equal('123\n456\n');
    sink.write('a line that is longer than the buffer');
    expect(read('a.log')).to.equal('123\n456\n789\n');
    logs.close();
    expect(read('a.log')).to.equal('123\n456\n789\na line that is longer than the buffer\n');
  });

  it('writes what was gathered in time', async () => {
    const sink = logs.sink(join(folder, 'a.log'), { octets: 1000, flushMs: 20 });
    sink.write('one');
    expect(read('a.log')).to.equal('');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(read('a.log')).to.equal('one\n');
  });

  it('writes what was gathered into the old file before it is opened anew', () => {
    const path = join(folder, 'a.log');
    const sink = logs.sink(path, { octets: 1000, flushMs: Infinity });
    sink.write('one');
    renameSync(path, `${path}.1`);
    expect(logs.reopen()).to.deep.equal([]);
    expect(read('a.log.1')).to.equal('one\n');
    expect(read('a.log')).to.equal('');
  });

  it('opens a path once, for access lines and error lines alike', () => {
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const path = join(folder, 'a.log');
    const before = descriptors();
    const first = logs.sink(path);
    const second = logs.sink(path);
    logs.errorLog(path, 'error').log('error', 'text');
    expect(descriptors()).to.equal(before + 1);
    expect(first).to.equal(second);
  });

  it('writes error lines as nginx does', () => {
    logs.errorLog(join(folder, 'e.log'), 'info').log('error', '*7 upstream timed out');
    expect(read('e.log')).to.match(
      new RegExp(
        `^\\d{4}/\\d\\d/\\d\\d \\d\\d:\\d\\d:\\d\\d \\[error\\] ${process.pid}#0: \\*7 upstream timed out\n$`,
      ),
    );
    const now = new Date();
    expect(errorLine('warn', 'x').slice(0, 4)).to.equal(String(now.getFullYear()));
  });

  it('lets the level and what is more severe pass', () => {
    const log = logs.errorLog(join(folder, 'e.log'), 'warn');
    for (const level of ['emerg', 'crit', 'error', 'warn', 'notice', 'debug'] as const) log.log(level, 'x');
    const levels = [...read('e.log').matchAll(/\[(\w+)\]/g)].map((match) => match[1]);
    expect(levels).to.deep.equal(['emerg', 'crit', 'error', 'warn']);
  });

  it('reopens every file after a rotation', () => {
    const sink = logs.sink(join(folder, 'a.log'));
    sink.write('before');
    renameSync(join(folder, 'a.log'), join(folder, 'a.log.1'));
    sink.write('still the old file');
    expect(logs.reopen()).to.deep.equal([]);
    sink.write('after');
    expect(read('a.log.1')).to.equal('before\nstill the old file\n');
    expect(read('a.log')).to.equal('after\n');
  });

  it('keeps the old file when the new one cannot be opened, and says so', () => {
    const inner = join(folder, 'inner');
    mkdirSync(inner);
    const sink = logs.sink(join(inner, 'a.log'));
    renameSync(inner, join(folder, 'moved'));
    expect(logs.reopen()).to.deep.equal([
      `open() "${join(inner, 'a.log')}" failed (2: No such file or directory)`,
    ]);
    sink.write('kept');
    expect(read('moved/a.log')).to.equal('kept\n');
  });

  it('names the file that cannot be opened', () => {
    chmodSync(folder, 0o700);
    expect(() => logs.sink(join(folder, 'no/such.log'))).to.throw(/ENOENT/);
  });
});
