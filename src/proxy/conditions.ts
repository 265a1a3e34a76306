/**
 * Conditions of `if` (`ngx_http_rewrite_if_condition`). Decides whether one holds for a request.
 */
import { accessSync, constants, statSync, type Stats } from 'node:fs';
import type { Exchange } from '../machine/exchange.js';
import type { RequestContext } from './context.js';
import type { Template } from './template.js';

/** Whether it holds. May note captures. */
export type Condition = (exchange: Exchange, context: RequestContext) => boolean;

/** `$name`: neither empty nor "0". */
export function isTrue(value: Template): Condition {
  return (exchange) => {
    const text = value.text(exchange);
    return text !== '' && text !== '0';
  };
}

/** `$name = text`. */
export function equals(value: Template, other: Template, negates: boolean): Condition {
  return (exchange) => (value.text(exchange) === other.text(exchange)) !== negates;
}

/** `$name ~ regex`. */
export function matches(value: Template, regex: RegExp, negates: boolean): Condition {
  return (exchange, context) => {
    const match = regex.exec(value.text(exchange));
    // What matched before is forgotten where this one does not, as in nginx.
    if (match === null) context.captures = null;
    else context.capture(match);
    return (match !== null) !== negates;
  };
}

/** What `-f`, `-d`, `-e` and `-x` ask of a path. */
const TESTS: Readonly<Record<string, (stats: Stats, path: string) => boolean>> = {
  f: (stats) => stats.isFile(),
  d: (stats) => stats.isDirectory(),
  e: () => true,
  x: (_stats, path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  },
};

/** `-f path` and its like. Looks at the disk at once, as nginx does. @param letter f, d, e or x */
export function fileTest(letter: string, path: Template, negates: boolean): Condition {
  const test = TESTS[letter];
  return (exchange) => {
    const name = Buffer.from(path.text(exchange), 'latin1').toString('utf8');
    // An octet that ends a path for the system would make it another one.
    const stats = name.includes('\0') ? undefined : statSync(name, { throwIfNoEntry: false });
    return (stats !== undefined && test(stats, name)) !== negates;
  };
}
