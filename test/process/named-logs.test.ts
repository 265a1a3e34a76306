/** Access logs with variables in their names: opened for each line, or kept open by the rules of open_log_file_cache. */
import { expect } from 'chai';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { NamedLogFiles } from '../../src/process/named-logs.js';
import { cleanUp, exchangeRaw, freePort, startProxy, temporaryFolder } from '../e2e/harness.js';

/** Descriptors of this process that are open on files of a folder. */
function openIn(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(folder) ? [path.slice(folder.length + 1)] : [];
    } catch {
      return [];
    }
  });
}

describe('logs with variables in their names', () => {
  after(cleanUp);

  it('go where the request says, and nowhere else', async () => {
    const port = await freePort();
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'a'));
    const command = await startProxy(`daemon off; pid wirehop.pid; error_log error.log; events {}
      http { log_format f "$request_uri"; open_log_file_cache max=2 inactive=1m;
        server { listen 127.0.0.1:${port}; server_name one; access_log ${folder}/$arg_f.log f; return 200; } }`);
    for (const name of ['x', 'y', 'x', 'z', '../evil', 'a/b', 'no/folder'])
      await exchangeRaw(port, `GET /?f=${name} HTTP/1.0\r\n\r\n`);
    const lines = (name: string): string => readFileSync(join(folder, name), 'latin1');
    expect(lines('x.log')).to.equal('/?f=x\n/?f=x\n');
    expect(lines('y.log')).to.equal('/?f=y\n');
    expect(lines('z.log')).to.equal('/?f=z\n');
    expect(lines('a/b.log')).to.equal('/?f=a/b\n');
    const told = command.file('error.log');
    expect(told).to.match(/\[error\].*evil\.log" is not written: its name leads elsewhere/);
    expect(told).to.match(
      /\[crit\].*open\(\) ".*no\/folder.log" failed \(2: No such file or directory\) while logging request/,
    );
  });

  it('are kept open by the rules of their cache', () => {
    const folder = temporaryFolder();
    let now = 0;
    const rules = { max: 2, inactiveMs: 1000, minUses: 2, validMs: 500 };
    const logs = new NamedLogFiles(
      (path) => join(folder, path),
      rules,
      () => now,
    );
    const file = (name: string): string => readFileSync(join(folder, name), 'latin1');
    expect(logs.write('a', '1')).to.equal('');
    expect(openIn(folder)).to.deep.equal([]);
    logs.write('a', '2');
    expect(openIn(folder)).to.deep.equal(['a']);
    // Another file takes the name: until it is looked at, lines go to the old one.
    renameSync(join(folder, 'a'), join(folder, 'old'));
    logs.write('a', '3');
    now = 600;
    logs.write('a', '4');
    expect(file('old')).to.equal('1\n2\n3\n');
    expect(file('a')).to.equal('4\n');
    // The one that was used longest ago goes.
    for (const name of ['b', 'b', 'c', 'c']) logs.write(name, 'x');
    expect(openIn(folder).sort()).to.deep.equal(['b', 'c']);
    // What was not used for long begins anew.
    now = 2000;
    logs.write('b', 'y');
    expect(openIn(folder)).to.deep.equal(['c']);
    logs.close();
    expect(openIn(folder)).to.deep.equal([]);
    expect(file('b')).to.equal('x\nx\ny\n');
  });
});
