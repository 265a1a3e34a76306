/**
 * Directives about processes: how many, as whom, with which limits. Decides what they may say; leaves to `process/` how
 * it is done.
 */
import { Setting } from '../level.js';
import { faultAt, type Place, type Word } from '../syntax.js';
import { entry, type Entry, type Environment } from '../table.js';
import { parseNumber } from '../units.js';
import { setsFlag, setsTime } from '../values.js';
import { simple } from './entries.js';

const PAGE = 'ngx_core_module.html';

/** Whom workers run as: numbers of the user and of its group, and the user's name. */
export interface WorkerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export const WORKER_PROCESSES = new Setting(1);
export const MASTER_PROCESS = new Setting(true);
export const DAEMON = new Setting(false);
/** null: as whoever started it. */
export const WORKER_USER = new Setting<WorkerUser | null>(null);
/** Milliseconds; 0 for no limit. */
export const WORKER_SHUTDOWN_TIMEOUT = new Setting(0);
/** null: as it is. */
export const WORKER_RLIMIT_NOFILE = new Setting<{ readonly count: number; readonly place: Place } | null>(
  null,
);
/** null: as it is. */
export const WORKER_PRIORITY = new Setting<number | null>(null);

/** nginx allows 1024. */
const MOST_WORKERS = 1024;
const LOWEST_PRIORITY = 20;

export const PROCESS_DIRECTIVES: readonly Entry[] = [
  entry({
    name: 'worker_processes',
    contexts: ['main'],
    args: [1, 1],
    syntax: 'number | auto',
    fallback: '1',
    page: PAGE,
    kind: 'nginx',
    note: '`auto` is the number of processors that this process may use. See [processes](processes.md).',
    apply(directive, level, { environment }) {
      const [word] = directive.args;
      const count = word.text === 'auto' ? (environment.processors ?? 1) : parseNumber(word.text);
      if (count === undefined || count === 0 || count > MOST_WORKERS) {
        const hint = `a number from 1 to ${MOST_WORKERS}, or auto`;
        throw faultAt(word, '"worker_processes" directive invalid value', hint);
      }
      level.set(WORKER_PROCESSES, count, directive);
    },
  }),
  simple({
    name: 'master_process',
    contexts: ['main'],
    syntax: 'on | off',
    fallback: 'on',
    page: PAGE,
    note: 'With `off` one process serves: nothing is shared, replaced, reloaded or done as another user.',
    apply: setsFlag(MASTER_PROCESS),
  }),
  simple({
    name: 'daemon',
    contexts: ['main'],
    syntax: 'on | off',
    fallback: 'off',
    page: PAGE,
    note: "nginx's default is `on`. The command that was started ends when the daemon serves.",
    apply: setsFlag(DAEMON),
  }),
  entry({
    name: 'user',
    contexts: ['main'],
    args: [1, 2],
    syntax: 'user [group]',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note:
      'Without it workers stay who started them; nginx would make them `nobody`. Ignored with a warning when not started ' +
      'as root, as in nginx.',
    apply(directive, level, { environment, warn }) {
      const [user, group = user] = directive.args;
      if (environment.isRoot) {
        level.set(WORKER_USER, findUser(environment, user, group), directive);
        return;
      }
      level.set(WORKER_USER, null, directive);
      if (user.text === environment.userName) return;
      warn(
        faultAt(
          directive,
          'the "user" directive makes sense only if the master process runs with super-user privileges, ignored',
        ),
      );
    },
  }),
  simple({
    name: 'worker_shutdown_timeout',
    contexts: ['main'],
    syntax: 'time',
    fallback: '',
    page: PAGE,
    apply: setsTime(WORKER_SHUTDOWN_TIMEOUT),
  }),
  simple({
    name: 'worker_rlimit_nofile',
    contexts: ['main'],
    syntax: 'number',
    fallback: '',
    page: PAGE,
    note: 'Set by the shell that starts a worker (`ulimit -n`); needs a master process.',
    apply(directive, level) {
      const count = parseNumber(directive.args[0].text);
      if (count === undefined || count === 0) {
        throw faultAt(directive.args[0], '"worker_rlimit_nofile" directive invalid number');
      }
      level.set(WORKER_RLIMIT_NOFILE, { count, place: directive }, directive);
    },
  }),
  simple({
    name: 'worker_priority',
    contexts: ['main'],
    syntax: 'number',
    fallback: '0',
    page: PAGE,
    apply(directive, level) {
      const [word] = directive.args;
      const value = /^[-+]?\d{1,3}$/.test(word.text) ? Number(word.text) : NaN;
      if (!(Math.abs(value) <= LOWEST_PRIORITY)) {
        throw faultAt(word, '"worker_priority" directive invalid value', 'a number from -20 to 20');
      }
      level.set(WORKER_PRIORITY, value, directive);
    },
  }),
];

/** nginx's words for a name that the system does not know. */
function findUser(environment: Environment, user: Word, group: Word): WorkerUser | null {
  const { identities } = environment;
  // Whoever stays who he is needs no look-up: a test, or a system without a table of users.
  if (identities === undefined || (user.text === environment.userName && group === user)) return null;
  const uid = identities.user(user.text);
  if (uid === undefined) throw unknown(user, 'getpwnam', 'no such user on this system');
  const gid = identities.group(group.text);
  if (gid === undefined) {
    const hint =
      group === user ? 'no group has the name of the user: name one as second argument' : 'no such group';
    throw unknown(group, 'getgrnam', hint);
  }
  return { name: user.text, uid, gid };
}

function unknown(word: Word, call: string, hint: string): Error {
  return faultAt(word, `${call}("${word.text}") failed`, hint);
}
