/**
 * Directives of wirehop's own about tunnels. Decides what they may say.
 */
import type { FarewellRules } from '../../proxy/model.js';
import { Setting } from '../level.js';
import { decodeText, faultAt, type Directive, type Word } from '../syntax.js';
import { entry, type Entry } from '../table.js';
import { parseTimeMs } from '../units.js';
import { IN_LOCATION } from './entries.js';

/** null: off. */
export const WEBSOCKET_DRAIN = new Setting<FarewellRules | null>(null);

const DEFAULT_SPREAD_MS = 10_000;
const DEFAULT_TIMEOUT_MS = 5000;
/** A control frame has room for this behind the code (RFC 6455 5.5). */
const REASON_MAX_OCTETS = 123;

export const TUNNEL_DIRECTIVES: readonly Entry[] = [
  entry({
    name: 'websocket_drain',
    contexts: IN_LOCATION,
    args: [1, 4],
    syntax: 'off | code [reason=text] [spread=time] [timeout=time]',
    fallback: 'off',
    page: 'http/ngx_http_proxy_module.html',
    kind: 'wirehop',
    note:
      'When a worker drains, WebSocket clients are sent a Close frame with this code (1000, 1001, 1012, 1013, 3000 to 4999), ' +
      'each at a random time within `spread` (10s). A tunnel that has not ended `timeout` (5s) later is closed. ' +
      'See [processes](processes.md#websocket-tunnels).',
    apply(directive, level) {
      level.set(WEBSOCKET_DRAIN, readDrain(directive), directive);
    },
  }),
];

function readDrain(directive: Directive): FarewellRules | null {
  const [first, ...parameters] = directive.args;
  if (first.text === 'off' && parameters.length === 0) return null;
  const rules = {
    code: readCode(first),
    reason: '',
    spreadMs: DEFAULT_SPREAD_MS,
    answerMs: DEFAULT_TIMEOUT_MS,
  };
  for (const word of parameters) {
    const [, name, value] = /^(reason|spread|timeout)=(.*)$/s.exec(word.text) ?? [];
    if (name === undefined)
      throw faultAt(word, `invalid parameter "${word.text}"`, 'it is reason=, spread= or timeout=');
    if (name === 'reason') rules.reason = readReason(word, value);
    else rules[name === 'spread' ? 'spreadMs' : 'answerMs'] = readTime(word, value);
  }
  return rules;
}

function readCode(word: Word): number {
  const code = /^\d{4}$/.test(word.text) ? Number(word.text) : 0;
  if ([1000, 1001, 1012, 1013].includes(code) || (code >= 3000 && code <= 4999)) return code;
  const hint =
    'off, or a code for the Close frame: 1001 (going away), 1012 (service restart), 1000, 1013, 3000 to 4999';
  throw faultAt(word, `invalid value "${word.text}" in "websocket_drain" directive`, hint);
}

/** A file's octets are UTF-8 where they are text. */
function readReason(word: Word, text: string): string {
  if (text.length <= REASON_MAX_OCTETS) return decodeText(text);
  throw faultAt(word, 'the reason of "websocket_drain" is too long', `at most ${REASON_MAX_OCTETS} octets`);
}

function readTime(word: Word, text: string): number {
  const value = parseTimeMs(text);
  if (value === undefined) throw faultAt(word, `invalid parameter "${word.text}"`, 'a time: 500ms, 30s, 1m');
  return value;
}
