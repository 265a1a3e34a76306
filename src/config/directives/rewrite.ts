/**
 * The rewrite module: `set`, `if`, `rewrite`, `break`, `return`. Decides their grammar; leaves what they do to
 * `build/scripts.ts` and `proxy/rewrite.ts`.
 */
import {
  LocationLevel,
  type ConditionLine,
  type ReturnLine,
  type RewriteLine,
  type ServerLevel,
} from '../blocks.js';
import { Setting, type Context } from '../level.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import { entry, type Entry } from '../table.js';
import { parseNumber } from '../units.js';
import { setsFlag } from '../values.js';
import { simple } from './entries.js';

const PAGE = 'http/ngx_http_rewrite_module.html';

/** Contexts that nginx's documentation calls "server, location, if". */
const IN_SCRIPTS: readonly Context[] = ['server', 'location', 'if in server', 'if in location'];
const ANYWHERE: readonly Context[] = ['http', ...IN_SCRIPTS];

export const REWRITE_LOG = new Setting(false);
export const WARNS_UNINITIALIZED = new Setting(true);

type ScriptLevel = ServerLevel | LocationLevel;

export const REWRITE_DIRECTIVES: readonly Entry[] = [
  entry<ScriptLevel>({
    name: 'return',
    contexts: IN_SCRIPTS,
    args: [1, 2],
    syntax: 'code [text] | code URL | URL',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note: 'Codes 200 to 999. 444 closes the connection without an answer.',
    apply(directive, level) {
      level.script.push({ kind: 'return', line: readReturn(directive) });
    },
  }),
  entry<ScriptLevel>({
    name: 'rewrite',
    contexts: IN_SCRIPTS,
    args: [2, 3],
    syntax: 'regex replacement [last | break | redirect | permanent]',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note: 'Regular expressions are PCRE, as far as JavaScript can do the same; others are refused.',
    apply(directive, level) {
      level.script.push(readRewrite(directive));
    },
  }),
  entry<ScriptLevel>({
    name: 'if',
    contexts: ['server', 'location'],
    args: [1, Infinity],
    isBlock: true,
    syntax: '(condition) { ... }',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note: 'All conditions of nginx: a variable, `=`, `!=`, `~`, `~*`, `!~`, `!~*`, `-f`, `-d`, `-e`, `-x` and their negations.',
    apply(directive, parent, { walk }) {
      const condition = readCondition(directive);
      const context = parent instanceof LocationLevel ? 'if in location' : 'if in server';
      const name = { ...directive.args[0], text: '' };
      const level = new LocationLevel(parent, directive, 'unnamed', name, context);
      parent.script.push({ kind: 'if', condition, level });
      walk(directive.block ?? [], level);
    },
  }),
  entry<ScriptLevel>({
    name: 'set',
    contexts: IN_SCRIPTS,
    args: [2, 2],
    syntax: '$variable value',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note: "Of wirehop's own variables `$args` alone can be set; those of maps, captures and families such as `$http_...` too.",
    apply(directive, level) {
      const [nameWord, value] = directive.args;
      level.script.push({ kind: 'set', name: variableName(nameWord), nameWord, value });
    },
  }),
  entry<ScriptLevel>({
    name: 'break',
    contexts: IN_SCRIPTS,
    args: [0, 0],
    syntax: '',
    fallback: '',
    page: PAGE,
    kind: 'nginx',
    note: '',
    apply(_directive, level) {
      level.script.push({ kind: 'break' });
    },
  }),
  simple({
    name: 'rewrite_log',
    contexts: ANYWHERE,
    syntax: 'on | off',
    fallback: 'off',
    page: PAGE,
    note: 'Lines of level `notice` in `error_log`.',
    apply: setsFlag(REWRITE_LOG),
  }),
  simple({
    name: 'uninitialized_variable_warn',
    contexts: ANYWHERE,
    syntax: 'on | off',
    fallback: 'on',
    page: PAGE,
    apply: setsFlag(WARNS_UNINITIALIZED),
  }),
];

/** The name behind a "$". */
function variableName(word: Word): string {
  if (!/^\$[^]/.test(word.text)) throw faultAt(word, `invalid variable name "${word.text}"`);
  const name = word.text.slice(1);
  if (!/^\w+$/.test(name))
    throw faultAt(word, `invalid variable name "${word.text}"`, 'letters, digits and "_"');
  return name;
}

/** `ngx_http_rewrite_return`. */
function readReturn(directive: Directive): ReturnLine {
  const [first, second] = directive.args;
  const status = parseNumber(first.text);
  if (status === undefined) {
    const isTarget = second === undefined && /^(https?:\/\/|\$scheme)/.test(first.text);
    if (!isTarget) throw faultAt(first, `invalid return code "${first.text}"`);
    return { status: 302, text: first, place: directive };
  }
  if (status > 999) throw faultAt(first, `invalid return code "${first.text}"`);
  if (status < 200) {
    throw faultAt(
      first,
      `return code "${first.text}" is not supported`,
      'an answer has a final status, from 200 on',
    );
  }
  return { status, text: second ?? null, place: directive };
}

const FLAGS: Readonly<Record<string, Partial<RewriteLine>>> = {
  last: { flag: 'last' },
  break: { flag: 'break' },
  redirect: { redirection: 302 },
  permanent: { redirection: 301 },
};

/** `ngx_http_rewrite`. */
function readRewrite(directive: Directive): RewriteLine {
  const [regex, replacement, flag] = directive.args;
  if (replacement.text === '') throw faultAt(replacement, 'empty replacement');
  if (flag !== undefined && !Object.hasOwn(FLAGS, flag.text)) {
    throw faultAt(flag, `invalid parameter "${flag.text}"`, 'one of last, break, redirect, permanent');
  }
  const dropsArgs = replacement.text.endsWith('?');
  const text = dropsArgs ? replacement.text.slice(0, -1) : replacement.text;
  return {
    kind: 'rewrite',
    regex,
    replacement: { ...replacement, text },
    dropsArgs,
    flag: null,
    redirection: /^(https?:\/\/|\$scheme)/.test(text) ? 302 : 0,
    place: directive,
    ...(flag === undefined ? {} : FLAGS[flag.text]),
  };
}

/** The words between the brackets, which may stand on their own or touch the first and the last word. */
function unbracket(directive: Directive): Word[] {
  const words = directive.args.map((word) => ({ ...word }));
  const [first] = words;
  if (!first.text.startsWith('('))
    throw faultAt(first, `invalid condition "${first.text}"`, 'if (condition) { ... }');
  if (first.text === '(') words.shift();
  else words[0] = { ...first, text: first.text.slice(1), column: first.column + 1 };
  const last = words.at(-1);
  if (last === undefined || !last.text.endsWith(')')) {
    const word = last ?? first;
    throw faultAt(word, `invalid condition "${word.text}"`, 'the condition has to end with ")"');
  }
  if (last.text === ')') words.pop();
  else words[words.length - 1] = { ...last, text: last.text.slice(0, -1) };
  return words;
}

/** `ngx_http_rewrite_if_condition`. */
function readCondition(directive: Directive): ConditionLine {
  const words = unbracket(directive);
  const [subject, operator, value] = words;
  const invalid = (word = subject ?? directive.args[0]): Error =>
    faultAt(word, `invalid condition "${word.text}"`, 'one of: $a, $a = b, $a != b, $a ~ regex, -f file');
  if (subject === undefined) throw invalid();
  const file = /^(!?)-([fdex])$/.exec(subject.text);
  if (file !== null) {
    if (words.length !== 2) throw invalid();
    return { kind: 'file', letter: file[2], path: words[1], negates: file[1] === '!' };
  }
  if (!/^\$[^]/.test(subject.text)) throw invalid();
  variableName(subject);
  if (words.length === 1) return { kind: 'true', subject };
  if (words.length !== 3) throw invalid();
  switch (operator.text) {
    case '=':
    case '!=':
      return { kind: 'equal', subject, value, negates: operator.text === '!=' };
    case '~':
    case '~*':
    case '!~':
    case '!~*':
      return {
        kind: 'match',
        subject,
        regex: value,
        ignoresCase: operator.text.endsWith('*'),
        negates: operator.text.startsWith('!'),
      };
    default:
      throw faultAt(operator, `unexpected "${operator.text}" in condition`, 'one of =, !=, ~, ~*, !~, !~*');
  }
}
