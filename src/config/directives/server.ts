/**
 * `server` in `http`, `listen`, `server_name`. Leaves the parameters of `listen` to `listen.ts`, and to
 * `build/listeners.ts` which servers share an address.
 */
import { ServerLevel, type HttpLevel } from '../blocks.js';
import { faultAt } from '../syntax.js';
import { entry, type Entry } from '../table.js';
import { LISTEN_NOTE, LISTEN_SYNTAX, readListen } from './listen.js';

const PAGE = 'http/ngx_http_core_module.html';

export const SERVER_DIRECTIVES: readonly Entry[] = [
  entry<HttpLevel>({
    name: 'server',
    contexts: ['http'],
    args: [0, 0],
    isBlock: true,
    syntax: '{ ... }',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note: '',
    apply(directive, http, { walk }) {
      const server = new ServerLevel(http, directive);
      http.servers.push(server);
      walk(directive.block ?? [], server);
    },
  }),
  entry<ServerLevel>({
    name: 'listen',
    contexts: ['server'],
    args: [1, Infinity],
    syntax: LISTEN_SYNTAX,
    fallback: '*:80 | *:8000',
    page: PAGE,
    kind: 'narrower',
    note: LISTEN_NOTE,
    apply(directive, server, { warn }) {
      server.listens.push(readListen(directive, warn));
    },
  }),
  entry<ServerLevel>({
    name: 'server_name',
    contexts: ['server'],
    args: [1, Infinity],
    syntax: 'name ...',
    fallback: '""',
    page: PAGE,
    kind: 'nginx',
    note: 'Exact names, `*.example.org`, `.example.org`, `www.example.*`, `~regex`, `""`, `$hostname`.',
    apply(directive, server, { environment, warn }) {
      for (const word of directive.args) {
        const text = word.text === '$hostname' ? environment.hostName.toLowerCase() : word.text;
        if (text.startsWith('~')) {
          if (text === '~') throw faultAt(word, `empty regex in server name "${word.text}"`);
        } else if (!isName(text)) {
          throw faultAt(word, `server name "${word.text}" is invalid`);
        } else if (text.includes('/')) {
          warn(faultAt(word, `server name "${word.text}" has suspicious symbols`));
        }
        // Regular expressions keep their case: a class such as \D is not \d.
        server.names.push({ ...word, text: text.startsWith('~') ? text : text.toLowerCase() });
      }
    },
  }),
];

/** A "*" is a whole label, at one end, once; a leading "." stands for "*." and the name itself. */
function isName(text: string): boolean {
  if (text === '' || text === '_') return true;
  const name = text.startsWith('*.') ? text.slice(2) : text.startsWith('.') ? text.slice(1) : text;
  const core = name.endsWith('.*') && name === text ? name.slice(0, -2) : name;
  return (
    core !== '' &&
    !core.includes('*') &&
    !core.startsWith('.') &&
    !core.includes('..') &&
    !core.includes('\0')
  );
}
