/**
 * Directives of the file itself: process, blocks. Decides what one process without a master can honour of them.
 */
import { HttpLevel, type MainLevel } from '../blocks.js';
import { Level, Setting } from '../level.js';
import { faultAt } from '../syntax.js';
import { entry, type Entry } from '../table.js';
import { parseNumber } from '../units.js';
import { flagOf, setsTime, unsupported } from '../values.js';
import { simple } from './entries.js';

const PAGE = 'ngx_core_module.html';

export const PID = new Setting('logs/wirehop.pid');
export const WORKER_CONNECTIONS = new Setting(512);
/** 0 for no limit. */
export const WORKER_SHUTDOWN_TIMEOUT = new Setting(0);
const WORKER_PROCESSES = new Setting(1);
const DAEMON = new Setting(false);
const USER = new Setting('');

export const MAIN_DIRECTIVES: readonly Entry[] = [
  {
    name: 'worker_processes',
    contexts: ['main'],
    args: [1, 1],
    syntax: 'number | auto',
    fallback: '1',
    page: PAGE,
    kind: 'narrower',
    note: 'One process serves for now: `1`, or `auto`, which is taken as 1 with a warning.',
    apply(directive, level, { warn }) {
      const [word] = directive.args;
      level.set(WORKER_PROCESSES, 1, directive);
      if (word.text === 'auto') {
        warn(faultAt(word, '"worker_processes auto" is taken as 1', 'wirehop has one worker for now'));
        return;
      }
      const count = parseNumber(word.text);
      if (count === undefined || count === 0)
        throw faultAt(word, '"worker_processes" directive invalid value');
      if (count > 1) throw unsupported(word, directive, 'wirehop has one worker for now: say 1, or auto');
    },
  },
  simple({
    name: 'pid',
    contexts: ['main'],
    syntax: 'file',
    fallback: 'logs/wirehop.pid',
    page: PAGE,
    note: "nginx's default is `logs/nginx.pid`.",
    apply: (directive, level) => level.set(PID, directive.args[0].text, directive),
  }),
  simple({
    name: 'daemon',
    contexts: ['main'],
    syntax: 'on | off',
    fallback: 'off',
    page: PAGE,
    kind: 'narrower',
    note: "wirehop always stays in the foreground: only `off`, which is nginx's `daemon off`, is accepted.",
    apply(directive, level) {
      if (flagOf(directive)) {
        throw unsupported(
          directive.args[0],
          directive,
          'wirehop stays in the foreground; let a supervisor start it',
        );
      }
      level.set(DAEMON, false, directive);
    },
  }),
  {
    name: 'user',
    contexts: ['main'],
    args: [1, 2],
    syntax: 'user [group]',
    fallback: '',
    page: PAGE,
    kind: 'narrower',
    note:
      'Accepted for the user that wirehop runs as. Otherwise ignored with a warning when not run as root, as in ' +
      'nginx; and refused as root, since wirehop does not change its user.',
    apply(directive, level, { environment, warn }) {
      const name = directive.args[0].text;
      level.set(USER, name, directive);
      if (name === environment.userName) return;
      if (environment.isRoot) {
        throw unsupported(
          directive.args[0],
          directive,
          `wirehop does not change its user: start it as "${name}"`,
        );
      }
      warn(
        faultAt(
          directive,
          'the "user" directive makes sense only if the master process runs with super-user privileges, ignored',
        ),
      );
    },
  },
  simple({
    name: 'worker_shutdown_timeout',
    contexts: ['main'],
    syntax: 'time',
    fallback: '',
    page: PAGE,
    apply: setsTime(WORKER_SHUTDOWN_TIMEOUT),
  }),
  entry<MainLevel>({
    name: 'events',
    contexts: ['main'],
    args: [0, 0],
    isBlock: true,
    syntax: '{ ... }',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note: 'Has to be there, as in nginx.',
    apply(directive, main, { walk }) {
      if (main.events !== null) throw faultAt(directive, '"events" directive is duplicate');
      main.events = new Level('events', main, directive);
      walk(directive.block ?? [], main.events);
    },
  }),
  simple({
    name: 'worker_connections',
    contexts: ['events'],
    syntax: 'number',
    fallback: '512',
    page: PAGE,
    apply(directive, level) {
      const [word] = directive.args;
      const count = parseNumber(word.text);
      if (count === undefined) throw faultAt(word, `invalid number "${word.text}"`);
      level.set(WORKER_CONNECTIONS, count, directive);
    },
  }),
  entry<MainLevel>({
    name: 'http',
    contexts: ['main'],
    args: [0, 0],
    isBlock: true,
    syntax: '{ ... }',
    fallback: '',
    page: 'http/ngx_http_core_module.html',
    kind: 'nginx',
    note: '',
    apply(directive, main, { walk }) {
      if (main.http !== null) throw faultAt(directive, '"http" directive is duplicate');
      main.http = new HttpLevel(main, directive);
      walk(directive.block ?? [], main.http);
    },
  }),
];
