/**
 * `log_format`: lines about finished exchanges. Decides how values are escaped; leaves to others where lines go.
 */
import type { Exchange } from '../machine/exchange.js';
import { parseTemplate } from './template.js';
import type { Variable, VariableTable } from './variables.js';

/** How values are made safe for a line (log_format escape=). */
export type LogEscape = 'default' | 'json' | 'none';

/** The text of nginx's predefined format `combined`. */
export const COMBINED =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';

/**
 * Compiles a format. Its result renders one line, without a line end, for an exchange that has ended.
 * @throws TemplateError as compileTemplate does
 */
export function compileLogFormat(
  text: string,
  escape: LogEscape,
  variables: VariableTable,
): (exchange: Exchange, now: number) => string {
  const parts = parseTemplate(text, variables);
  const escapeValue = ESCAPES[escape];
  const missing = escape === 'default' ? '-' : '';
  return (exchange) => {
    let line = '';
    for (const part of parts) {
      line += typeof part === 'string' ? part : escapeValue(valueOf(part, exchange, missing));
    }
    return line;
  };
}

function valueOf(variable: Variable, exchange: Exchange, missing: string): string {
  const value = variable.text(exchange);
  return value !== '' || variable.isFound?.(exchange) === true ? value : missing;
}

const ESCAPES: Readonly<Record<LogEscape, (value: string) => string>> = {
  default: escapeDefault,
  json: escapeJson,
  none: (value) => value,
};

/** Whatever could end a quoted value or a line, or drive a terminal, as `\xXX`. */
function escapeDefault(value: string): string {
  return /[^\x20-\x7e]|["\\]/.test(value)
    ? value.replace(/[^\x20-\x7e]|["\\]/g, (c) => `\\x${hex(c)}`)
    : value;
}

const JSON_SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
};

/** What a JSON string must not hold (RFC 8259 7). Octets above 127 go as they are. */
function escapeJson(value: string): string {
  // eslint-disable-next-line no-control-regex -- control octets are what is looked for
  return value.replace(/[\x00-\x1f"\\]/g, (c) => JSON_SHORT[c] ?? `\\u00${hex(c)}`);
}

function hex(c: string): string {
  return c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
}
