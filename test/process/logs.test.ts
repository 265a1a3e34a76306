/** Proves that lines are in their file at once, filtered by level, in nginx's form, and that files can be rotated. */
import { execFileSync } from 'node:child_process';
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

  describe('lines as octets', () => {
    const octets = Buffer.from('one\ntwo\nthree\n');
    const [one, two, three] = [
      [0, 4],
      [4, 8],
      [8, 14],
    ] as const;
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

    it('the first of a turn at once, the others together when it ends', async () => {
      const sink = logs.sink(join(folder, 'a.log'));
      for (let i = 0; i < 3; i++) {
        const before = read('a.log');
        sink.append!(octets, ...one);
        expect(read('a.log')).to.equal(`${before}one\n`);
        sink.append!(octets, ...two);
        sink.append!(octets, ...three);
        expect(read('a.log')).to.equal(`${before}one\n`);
        await turn();
        expect(read('a.log')).to.equal(`${before}one\ntwo\nthree\n`);
      }
    });

    it('are copied: the place may be used again at once', async () => {
      const sink = logs.sink(join(folder, 'a.log'));
      const place = Buffer.from('-\n1\n');
      sink.append!(place, 0, 2);
      sink.append!(place, 2, 4);
      place.fill('x');
      await turn();
      expect(read('a.log')).to.equal('-\n1\n');
    });

    it('stay in order with texts and error lines of the same path', () => {
      const path = join(folder, 'a.log');
      const sink = logs.sink(path);
      sink.append!(octets, ...one);
      sink.append!(octets, ...two);
      sink.write('text');
      sink.append!(octets, ...three);
      logs.errorLog(path, 'error').log('error', 'fault');
      expect(read('a.log')).to.match(/^one\ntwo\ntext\nthree\n.* fault\n$/);
    });

    it('more of them than one turn gathers, and longer ones, are all written', async () => {
      const sink = logs.sink(join(folder, 'a.log'));
      const lines: string[] = [];
      for (let length = 1; length < 200_000; length = length * 3 + 1) {
        for (let i = 0; i < 4; i++) lines.push(`${String(i).repeat(length)}\n`);
      }
      for (const line of lines) sink.append!(Buffer.from(line), 0, line.length);
      await turn();
      expect(read('a.log') === lines.join('')).to.equal(true);
    });

    it('are in the file they belong to when it is opened anew', () => {
      const path = join(folder, 'a.log');
      const sink = logs.sink(path);
      sink.append!(octets, ...one);
      sink.append!(octets, ...two);
      renameSync(path, `${path}.1`);
      expect(logs.reopen()).to.deep.equal([]);
      sink.append!(octets, ...three);
      logs.close();
      expect(read('a.log.1')).to.equal('one\ntwo\n');
      expect(read('a.log')).to.equal('three\n');
    });

    it('are not lost when the process ends in the same turn', () => {
      const module = JSON.stringify(new URL('../../src/process/logs.js', import.meta.url).href);
      const path = JSON.stringify(join(folder, 'a.log'));
      const program = `import { Logs } from ${module};
        const sink = new Logs().sink(${path});
        const octets = Buffer.from('one\\ntwo\\n');
        sink.append(octets, 0, 4);
        sink.append(octets, 4, 8);
        process.exit(0);`;
      execFileSync(process.execPath, ['--input-type=module', '-e', program]);
      expect(read('a.log')).to.equal('one\ntwo\n');
    });

    it('wait for a buffer to fill where there is one', async () => {
      const sink = logs.sink(join(folder, 'a.log'), { octets: 10, flushMs: Infinity });
      sink.append!(octets, ...one);
      sink.append!(octets, ...two);
      await turn();
      expect(read('a.log')).to.equal('');
      sink.append!(octets, ...three);
      expect(read('a.log')).to.equal('one\ntwo\n');
    });
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
