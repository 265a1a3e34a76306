/** Proves that flags are read as nginx reads them, glued and apart, and that misuse is named. */
import { expect } from 'chai';
import { isOneLiner, readCommandLine, UsageError } from '../../src/process/command-line.js';
import type { CommandLine } from '../../src/process/command-line.js';

const READ: [string[], Partial<CommandLine>][] = [
  [[], { help: false, version: '', test: '', file: '', prefix: '' }],
  [['-c', 'a.conf'], { file: 'a.conf' }],
  [['-ca.conf'], { file: 'a.conf' }],
  [['-p', '/srv/', '-c', 'x', '-e', 'e.log'], { prefix: '/srv/', file: 'x', errorLog: 'e.log' }],
  [['-tc', 'x'], { test: 'check', file: 'x' }],
  [['-tqcx'], { test: 'check', quiet: true, file: 'x' }],
  [['-t', '-T'], { test: 'dump' }],
  [['-T', '-t'], { test: 'dump' }],
  [['-v'], { version: 'short' }],
  [['-V'], { version: 'full' }],
  [['-Vv'], { version: 'full' }],
  [['--version'], { version: 'plain' }],
  [['-?'], { help: true }],
  [['-h'], { help: true }],
  [['-g', 'daemon off;'], { globals: 'daemon off;' }],
  [['-s', 'quit'], { signal: 'quit' }],
  [['-sstop'], { signal: 'stop' }],
  // The value of a flag may look like a flag.
  [['-c', '-t'], { file: '-t', test: '' }],
  [['--listen', '1', '--upstream=2'], { listen: ['1'], upstream: ['2'] }],
  [['--listen=a=b', '--upstream', '2', '--upstream', '3'], { listen: ['a=b'], upstream: ['2', '3'] }],
];

const REFUSED: [string[], string][] = [
  [['-x'], 'invalid option: "x"'],
  [['-tx'], 'invalid option: "x"'],
  [['x'], 'invalid option: "x"'],
  [['-'], 'invalid option: "-"'],
  [['-c'], 'option "-c" requires file name'],
  [['-c', ''], 'option "-c" requires file name'],
  [['-p'], 'option "-p" requires directory name'],
  [['-g'], 'option "-g" requires parameter'],
  [['-e'], 'option "-e" requires file name'],
  [['-s'], 'option "-s" requires signal name'],
  [['-s', 'constructor'], 'invalid option: "-s constructor"'],
  [['--nope'], 'invalid option: "--nope"'],
  [['--help=1'], 'option "--help" takes no value'],
  [['--listen'], 'option "--listen" requires a value'],
  [['--listen', '1'], 'option "--listen" needs --upstream'],
  [['--upstream', '1'], 'option "--upstream" needs --listen'],
  [['--access-log', 'x'], 'option "--access-log" belongs to --listen and --upstream'],
  [['--listen', '1', '--upstream', '2', '-c', 'x'], 'either "-c", or "--listen" and "--upstream": not both'],
];

describe('command line', () => {
  for (const [args, wanted] of READ) {
    it(`reads ${JSON.stringify(args)}`, () => expect(readCommandLine(args)).to.deep.include(wanted));
  }
  for (const [args, message] of REFUSED) {
    it(`refuses ${JSON.stringify(args)}`, () => {
      expect(() => readCommandLine(args)).to.throw(UsageError, message);
    });
  }
  it('knows flags alone from a file', () => {
    expect(isOneLiner(readCommandLine(['--listen', '1', '--upstream', '2']))).to.equal(true);
    expect(isOneLiner(readCommandLine(['-c', 'x']))).to.equal(false);
  });
});
