/**
 * What the command was asked to do. Reads nginx's flags the way nginx reads them (glued values, several letters behind
 * one dash) and wirehop's own long flags. Decides nothing about files or ports.
 */

/** The command line could not be understood: shown as one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Signals that `-s` can send, and the signal behind each. */
export const SIGNALS = { stop: 'SIGTERM', quit: 'SIGQUIT', reopen: 'SIGUSR1', reload: 'SIGHUP' } as const;
export type SignalName = keyof typeof SIGNALS;

/** A command line, read. Texts are as given; nothing is resolved yet. */
export interface CommandLine {
  help: boolean;
  /** `--version`, `-v`, or `-V` with what was built in. */
  version: '' | 'plain' | 'short' | 'full';
  /** `-t`, or `-T` with the configuration printed. */
  test: '' | 'check' | 'dump';
  quiet: boolean;
  signal: SignalName | '';
  /** -p, or '' */
  prefix: string;
  /** -c, or '' */
  file: string;
  /** -e, or '' */
  errorLog: string;
  /** -g: directives of the main context. */
  globals: string;
  listen: string[];
  upstream: string[];
  /** --access-log, or '' for none. */
  accessLog: string;
  /** --transport; auto takes bare handles where they work. */
  transport: 'auto' | 'net' | 'handle';
}

export const HELP = `wirehop: an HTTP/1.1 and WebSocket reverse proxy with nginx's configuration language

Usage: wirehop --listen ADDRESS --upstream ADDRESS [--access-log FILE]
       wirehop [-p PREFIX] [-c FILE] [-e FILE] [-g DIRECTIVES] [-t | -T] [-q]
       wirehop [-p PREFIX] [-c FILE] -s stop|quit|reopen|reload
       wirehop -h | -v | -V

Without a configuration file:
  --listen ADDRESS    8080, 127.0.0.1:8080, [::1]:8080 or unix:/path; may be repeated
  --upstream ADDRESS  http://127.0.0.1:3000, host:port, 3000 or unix:/path; may be repeated
  --access-log FILE   log requests to FILE (/dev/stderr works); none by default

With one, as nginx has them:
  -c FILE        the configuration (default: conf/nginx.conf), relative to PREFIX
  -p PREFIX      where relative paths start (default: the current directory)
  -e FILE        error log until the configuration is read (default: logs/error.log; or: stderr)
  -g DIRECTIVES  main-context directives in front of the file, such as "daemon off;"
  -t             check the configuration and exit; -T also prints it
  -q             with -t: print errors only
  -s SIGNAL      signal the process named in the pid file: stop, quit, reopen, reload
  -v, -V         version; -V with what was built in
  --version      the version alone, on stdout
  --transport T  handle: Node's bare handles, fast; net: its public sockets; auto (default): handle if it works here
  -h, -?         this help

Signals: TERM and INT stop at once, QUIT lets requests finish first, HUP reloads the configuration, USR1 reopens the logs.
`;

/** Flags that take a value, and what nginx says when it is missing. */
const VALUE_FLAGS: Readonly<Record<string, string>> = {
  c: 'file name',
  e: 'file name',
  p: 'directory name',
  g: 'parameter',
  s: 'signal name',
};

/** Long flags that take a value. */
const LONG_FLAGS = new Set(['--listen', '--upstream', '--access-log', '--transport']);

/**
 * Reads the arguments behind the command's own name.
 * @throws UsageError
 */
export function readCommandLine(args: readonly string[]): CommandLine {
  const line: CommandLine = {
    help: false,
    version: '',
    test: '',
    quiet: false,
    signal: '',
    prefix: '',
    file: '',
    errorLog: '',
    globals: '',
    listen: [],
    upstream: [],
    accessLog: '',
    transport: 'auto',
  };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg.startsWith('--')) readLong(line, arg, rest);
    else if (arg.startsWith('-') && arg.length > 1) readLetters(line, arg, rest);
    else throw new UsageError(`invalid option: "${arg}"`);
  }
  checkOneLiner(line);
  return line;
}

/** Whether the configuration comes from flags and not from a file. */
export function isOneLiner(line: CommandLine): boolean {
  return line.listen.length > 0 || line.upstream.length > 0;
}

/** One argument of letters: `-t`, `-tq`, `-c FILE`, `-cFILE`, `-tc FILE`. */
function readLetters(line: CommandLine, arg: string, rest: string[]): void {
  for (let at = 1; at < arg.length; at++) {
    const letter = arg[at];
    const wanted = VALUE_FLAGS[letter];
    if (wanted !== undefined) {
      // The value is glued to the letter, or it is the next argument. An empty one is none.
      const value = at + 1 < arg.length ? arg.slice(at + 1) : rest.shift();
      if (value === undefined || value === '') throw new UsageError(`option "-${letter}" requires ${wanted}`);
      setValue(line, letter, value);
      return;
    }
    setSwitch(line, letter);
  }
}

function setSwitch(line: CommandLine, letter: string): void {
  switch (letter) {
    case '?':
    case 'h':
      line.help = true;
      break;
    case 'v':
      if (line.version === '') line.version = 'short';
      break;
    case 'V':
      line.version = 'full';
      break;
    case 't':
      if (line.test === '') line.test = 'check';
      break;
    case 'T':
      line.test = 'dump';
      break;
    case 'q':
      line.quiet = true;
      break;
    default:
      throw new UsageError(`invalid option: "${letter}"`);
  }
}

function setValue(line: CommandLine, letter: string, value: string): void {
  switch (letter) {
    case 'c':
      line.file = value;
      break;
    case 'e':
      line.errorLog = value;
      break;
    case 'p':
      line.prefix = value;
      break;
    case 'g':
      line.globals = value;
      break;
    default:
      if (!Object.hasOwn(SIGNALS, value)) throw new UsageError(`invalid option: "-s ${value}"`);
      line.signal = value as SignalName;
  }
}

/** `--name VALUE` and `--name=VALUE`. */
function readLong(line: CommandLine, arg: string, rest: string[]): void {
  const equals = arg.indexOf('=');
  const name = equals < 0 ? arg : arg.slice(0, equals);
  const glued = equals < 0 ? undefined : arg.slice(equals + 1);
  if (name === '--help' || name === '--version') {
    if (glued !== undefined) throw new UsageError(`option "${name}" takes no value`);
    if (name === '--help') line.help = true;
    else line.version = 'plain';
    return;
  }
  if (!LONG_FLAGS.has(name)) {
    throw new UsageError(`invalid option: "${name}"`);
  }
  const value = glued ?? rest.shift();
  if (value === undefined || value === '') throw new UsageError(`option "${name}" requires a value`);
  if (name === '--listen') line.listen.push(value);
  else if (name === '--upstream') line.upstream.push(value);
  else if (name === '--access-log') line.accessLog = value;
  else line.transport = readTransport(value);
}

function readTransport(value: string): CommandLine['transport'] {
  if (value === 'auto' || value === 'net' || value === 'handle') return value;
  throw new UsageError(`invalid value "${value}" of "--transport": it must be "auto", "net" or "handle"`);
}

function checkOneLiner(line: CommandLine): void {
  if (!isOneLiner(line)) {
    if (line.accessLog !== '')
      throw new UsageError('option "--access-log" belongs to --listen and --upstream');
    return;
  }
  if (line.listen.length === 0) throw new UsageError('option "--upstream" needs --listen');
  if (line.upstream.length === 0) throw new UsageError('option "--listen" needs --upstream');
  if (line.file !== '') throw new UsageError('either "-c", or "--listen" and "--upstream": not both');
  if (line.signal !== '') throw new UsageError('"-s" needs a pid file, and --listen writes none: use kill');
}
