/**
 * The command when it answers and ends: checks, versions, misuse.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import {
  cleanUp,
  configurationFor,
  fixture,
  folderWith,
  freePort,
  onCleanUp,
  runToEnd,
  startProxy,
  temporaryFolder,
} from './harness.js';

const PACKAGE = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const EXAMPLES = fileURLToPath(new URL('../../../examples/', import.meta.url));

describe('command: answers and ends', () => {
  afterEach(cleanUp);

  it('-v, -V, --version, --help', async () => {
    const short = await runToEnd(['-v']);
    expect(short).to.deep.equal({
      code: 0,
      stdout: '',
      stderr: `wirehop version: wirehop/${PACKAGE.version}\n`,
    });

    const full = await runToEnd(['-V']);
    expect([full.code, full.stdout]).to.deep.equal([0, '']);
    const lines = full.stderr.split('\n');
    expect(lines[0]).to.equal(`wirehop version: wirehop/${PACKAGE.version}`);
    expect(lines[1]).to.match(/^nginx version: nginx\/\d+\.\d+\.\d+ \(wirehop\)$/);
    expect(full.stderr).to.match(/^configure arguments: .*--without-http_fastcgi_module/m);
    expect(full.stderr).not.to.match(/--without-http_(proxy|map|upstream_keepalive)_module/);

    const plain = await runToEnd(['--version']);
    expect(plain).to.deep.equal({ code: 0, stdout: `wirehop ${PACKAGE.version}\n`, stderr: '' });
    const help = await runToEnd(['--help']);
    expect(help.code).to.equal(0);
    expect(help.stdout).to.match(/^Usage: wirehop /m);
    expect((await runToEnd(['-?'])).stdout).to.equal(help.stdout);
  });

  const misuse: [string[], string][] = [
    [['-z'], 'wirehop: invalid option: "z"\n'],
    [['file.conf'], 'wirehop: invalid option: "file.conf"\n'],
    [['-c'], 'wirehop: option "-c" requires file name\n'],
    [['-s', 'dance'], 'wirehop: invalid option: "-s dance"\n'],
    [['--listen', '8080'], 'wirehop: option "--listen" needs --upstream\n'],
    [
      ['--listen', '99999', '--upstream', '1'],
      'wirehop: invalid value "99999" of "--listen": the port must be from 1 to 65535\n',
    ],
  ];
  for (const [args, stderr] of misuse) {
    it(`wirehop ${args.join(' ')}: one line and exit code 1`, async () => {
      expect(await runToEnd(args)).to.deep.equal({ code: 1, stdout: '', stderr });
    });
  }

  it('-t: says that a good file is good, and touches neither ports nor the pid file', async () => {
    const port = await freePort();
    const blocker = createServer().listen(port, '127.0.0.1');
    onCleanUp(() => new Promise((resolve) => blocker.close(resolve)));
    const folder = folderWith({ 'good.conf': configurationFor({ listen: port, upstream: '127.0.0.1:1' }) });
    const good = join(folder, 'good.conf');
    const { code, stdout, stderr } = await runToEnd([
      '-t',
      '-p',
      folder,
      '-c',
      'good.conf',
      '-e',
      'early.log',
    ]);
    expect(stderr).to.equal(
      `wirehop: the configuration file ${good} syntax is ok\nwirehop: configuration file ${good} test is successful\n`,
    );
    expect([code, stdout]).to.deep.equal([0, '']);
    expect(existsSync(join(folder, 'wirehop.pid'))).to.equal(false);
    for (const log of ['early.log', 'error.log', 'access.log']) {
      expect(existsSync(join(folder, log)), log).to.equal(true);
    }
    expect(await runToEnd(['-tqp', folder, '-cgood.conf', '-estderr'])).to.deep.equal({
      code: 0,
      stdout: '',
      stderr: '',
    });
  });

  it('-t: shows every fault with file, line, a mark below the word, and no stack', async () => {
    const folder = folderWith({
      'bad.conf':
        'daemon off;\nevents {}\nhttp {\n    foo bar;\n    server {\n        listen 1;\n        proxy_read_timeout\t"soon";\n    }\n}\n',
    });
    const bad = join(folder, 'bad.conf');
    const { code, stderr } = await runToEnd(['-t', '-p', folder, '-c', 'bad.conf', '-e', 'early.log']);
    expect(code).to.equal(1);
    expect(stderr).to.include(
      `wirehop: [emerg] unknown directive "foo" in ${bad}:4\n    4 |     foo bar;\n      |     ^\n`,
    );
    expect(stderr).to.match(/\[emerg\] [^\n]*proxy_read_timeout[^\n]* in [^\n]*:7\n {4}7 | {9}/);
    expect(stderr).to.include(`wirehop: configuration file ${bad} test failed\n`);
    expect(stderr).not.to.match(/^ +at /m);
    const log = readFileSync(join(folder, 'early.log'), 'utf8');
    expect(log).to.match(
      /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[emerg\] \d+#0: unknown directive "foo" in [^\n]*bad\.conf:4/,
    );
  });

  it('-t: advises where a configuration does what is seldom meant; serving says nothing of it', async () => {
    const port = await freePort();
    const text = fixture('websocket-map.conf', { PORT: port, UPSTREAM: 1, EXTRA: '' });
    const folder = folderWith({ 'c.conf': text });
    const { code, stderr } = await runToEnd(['-t', '-p', folder, '-c', 'c.conf', '-e', 'stderr']);
    expect(code).to.equal(0);
    expect(stderr).to.match(/^wirehop: \[notice\] [^\n]* in [^\n]*c\.conf:15\n {4}15 | +'' +close;\n/);
    expect((await startProxy(text)).faults()).to.deep.equal([]);
  });

  it('-t: a file that is not there', async () => {
    const folder = temporaryFolder();
    const { code, stderr } = await runToEnd(['-t', '-p', folder, '-c', 'no.conf', '-e', 'stderr']);
    expect(code).to.equal(1);
    expect(stderr).to.include(
      `wirehop: [emerg] open() "${join(folder, 'no.conf')}" failed (2: No such file or directory)\n`,
    );
  });

  it('-t: a log that cannot be opened is a fault, with its line', async () => {
    const folder = folderWith({
      'log.conf':
        'daemon off;\nerror_log nowhere/error.log;\nevents {}\nhttp { access_log off; server { listen 1; } }\n',
    });
    const { code, stderr } = await runToEnd(['-t', '-p', folder, '-c', 'log.conf', '-e', 'stderr']);
    expect(code).to.equal(1);
    expect(stderr).to.include(
      `open() "${join(folder, 'nowhere/error.log')}" failed (2: No such file or directory)`,
    );
  });

  it('-T: prints every file once, octet for octet, on stdout', async () => {
    const main =
      'daemon off;\nevents {}\nhttp {\n    access_log off;\n    include part.conf;\n    include part.conf;\n}\n';
    const folder = folderWith({ 'main.conf': main });
    const part = Buffer.from('# gr\xfc\xdfe\n', 'latin1');
    writeFileSync(join(folder, 'part.conf'), part);
    const { code, stdout, stderr } = await runToEnd([
      '-T',
      '-q',
      '-p',
      folder,
      '-c',
      'main.conf',
      '-e',
      'stderr',
    ]);
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.equal(
      `# configuration file ${join(folder, 'main.conf')}:\n${main}\n` +
        `# configuration file ${join(folder, 'part.conf')}:\n${part.toString()}\n`,
    );
  });

  it('-t: the examples are good', async () => {
    for (const name of readdirSync(EXAMPLES).filter((one) => one.endsWith('.conf'))) {
      const { code, stderr } = await runToEnd([
        '-t',
        '-p',
        temporaryFolder(),
        '-c',
        join(EXAMPLES, name),
        '-e',
        'stderr',
      ]);
      expect([name, code, stderr.includes('test is successful')]).to.deep.equal([name, 0, true]);
    }
  });

  it('-g adds main-context directives, and their faults name no file', async () => {
    const folder = folderWith({ 'c.conf': 'events {}\nhttp { access_log off; server { listen 1; } }\n' });
    const args = ['-t', '-p', folder, '-c', 'c.conf', '-e', 'stderr', '-g'];
    expect((await runToEnd([...args, 'daemon off; worker_shutdown_timeout 5s;'])).code).to.equal(0);
    const { code, stderr } = await runToEnd([...args, 'nonsense on;']);
    expect(code).to.equal(1);
    expect(stderr).to.match(/\[emerg\] unknown directive "nonsense" in command line/);
  });

  it('without a file: says which one it looked for', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'logs'));
    const { code, stderr } = await runToEnd([], folder);
    expect(code).to.equal(1);
    expect(stderr).to.include(
      `open() "${join(folder, 'conf/nginx.conf')}" failed (2: No such file or directory)`,
    );
    expect(statSync(join(folder, 'logs/error.log')).size).to.be.greaterThan(0);
  });
});
