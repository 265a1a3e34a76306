/**
 * Directives of the file itself: blocks, pid file, connections. Those about processes are in `processes.ts`.
 */
import { HttpLevel, type MainLevel } from '../blocks.js';
import { Level, Setting } from '../level.js';
import { decodeText, faultAt } from '../syntax.js';
import { entry, type Entry } from '../table.js';
import { parseNumber } from '../units.js';
import { simple } from './entries.js';

const PAGE = 'ngx_core_module.html';

export const PID = new Setting('logs/wirehop.pid');
export const WORKER_CONNECTIONS = new Setting(512);
/** Names and values of `env`, those with a value. */
export const ENVIRONMENT = new Setting<readonly (readonly [name: string, value: string])[]>([]);

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
    name: 'env',
    contexts: ['main'],
    syntax: 'variable[=value]',
    fallback: 'TZ',
    page: PAGE,
    kind: 'narrower',
    note:
      'With a value it is set in every process that serves. Without one it changes nothing: nginx empties the environment ' +
      'of its workers but for what is named, wirehop leaves theirs whole.',
    apply(directive, level) {
      const [word] = directive.args;
      const text = decodeText(word.text);
      const at = text.indexOf('=');
      if (at === 0) throw faultAt(word, `invalid variable name in "env" directive`);
      if (at > 0) level.append(ENVIRONMENT, [text.slice(0, at), text.slice(at + 1)] as const);
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
