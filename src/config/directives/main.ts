/**
 * Directives of the file itself: blocks, pid file, connections. Those about processes are in `processes.ts`.
 */
import { HttpLevel, type MainLevel } from '../blocks.js';
import { Level, Setting } from '../level.js';
import { faultAt } from '../syntax.js';
import { entry, type Entry } from '../table.js';
import { parseNumber } from '../units.js';
import { simple } from './entries.js';

const PAGE = 'ngx_core_module.html';

export const PID = new Setting('logs/wirehop.pid');
export const WORKER_CONNECTIONS = new Setting(512);

export const MAIN_DIRECTIVES: readonly Entry[] = [
  simple({
    name: 'pid',
    contexts: ['main'],
    syntax: 'file',
    fallback: 'logs/wirehop.pid',
    page: PAGE,
    note: "nginx's default is `logs/nginx.pid`.",
    apply: (directive, level) => level.set(PID, directive.args[0].text, directive),
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
