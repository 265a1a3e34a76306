/**
 * `log_format`: lines about finished exchanges. Decides how values are escaped; leaves to others where lines go.
 *
 * Lines are laid down as octets, in one place that all formats share: what was received is copied from the head that it
 * stands in, and no text is made of what needs no escaping.
 */
import { OctetWriter } from '../bytes/octet-writer.js';
import { latin1, LF } from '../bytes/octets.js';
import type { Exchange } from '../machine/exchange.js';
import type { LogSink } from './model.js';
import { parseTemplate } from './template.js';
import type { Variable, VariableTable } from './variables.js';

/** How values are made safe for a line (log_format escape=). */
export type LogEscape = 'default' | 'json' | 'none';

/** The text of nginx's predefined format `combined`. */
export const COMBINED =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';

/**
 * Compiles a format.
 * @throws TemplateError as compileTemplate does
 */
export function compileLogFormat(text: string, escape: LogEscape, variables: VariableTable): LogFormat {
  const parts = parseTemplate(text, variables).map((part) =>
    typeof part === 'string' ? latin1(part) : new LoggedValue(part, ESCAPES[escape]),
  );
  return new LogFormat(parts);
}

/** Where lines are laid down: none outlives the call that makes it. Made when the first line is. */
let shared: OctetWriter | null = null;

/** A compiled format. Immutable. */
export class LogFormat {
  /** A line may read the response head. */
  readonly readsResponse: boolean;

  constructor(private readonly parts: readonly (Uint8Array | LoggedValue)[]) {
    this.readsResponse = parts.some((part) => part instanceof LoggedValue && part.readsResponse);
  }

  /** The line of an exchange that has ended, in Latin-1 and without a line end. */
  text(exchange: Exchange): string {
    const out = this.layDown(exchange);
    const line = out.octets.toString('latin1', out.start, out.position);
    out.settle(false);
    return line;
  }

  /** Gives the same line to a sink. */
  log(exchange: Exchange, sink: LogSink): void {
    if (sink.append === undefined) return sink.write(this.text(exchange));
    const out = this.layDown(exchange);
    out.putOctet(LF);
    sink.append(out.octets, out.start, out.position);
    out.settle(false);
  }

  private layDown(exchange: Exchange): OctetWriter {
    const out = (shared ??= new OctetWriter());
    const { parts } = this;
    out.begin();
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i];
      if (part instanceof LoggedValue) part.put(exchange, out);
      else out.put(part);
    }
    return out;
  }
}

/** How a kind of escaping goes about it. */
interface Escaping {
  /** UNSAFE[octet] has this bit where the octet cannot go as it is. */
  readonly bit: number;
  /** The safe form of a value that holds such octets. */
  readonly escape: (value: string) => string;
  /** What stands for a value that is not there. */
  readonly missing: Uint8Array;
}

/** A variable in a line. */
class LoggedValue {
  readonly readsResponse: boolean;
  private readonly layDown: (exchange: Exchange, out: OctetWriter) => void;

  constructor(
    private readonly variable: Variable,
    private readonly escaping: Escaping,
  ) {
    this.readsResponse = variable.readsResponse ?? variable.isStable !== true;
    // That of a map is a method of its object.
    this.layDown =
      variable.put?.bind(variable) ?? ((exchange, out) => out.putLatin1(variable.text(exchange)));
  }

  put(exchange: Exchange, out: OctetWriter): void {
    const { escaping } = this;
    // A distance, not a position: a put may move the span that is being laid down.
    const before = out.position - out.start;
    this.layDown(exchange, out);
    const start = out.start + before;
    const { octets, position } = out;
    if (position === start) {
      if (this.variable.isFound?.(exchange) !== true) out.put(escaping.missing);
      return;
    }
    if ((unsafeIn(octets, start, position) & escaping.bit) === 0) return;
    const value = octets.toString('latin1', start, position);
    out.rewind(octets, start);
    out.putLatin1(escaping.escape(value));
  }
}

const UNSAFE_DEFAULT = 1;
const UNSAFE_JSON = 2;
const UNSAFE = new Uint8Array(256);
for (let c = 0; c < 256; c++) {
  const text = String.fromCharCode(c);
  if (/[^\x20-\x7e]|["\\]/.test(text)) UNSAFE[c] |= UNSAFE_DEFAULT;
  if (c < 0x20 || text === '"' || text === '\\') UNSAFE[c] |= UNSAFE_JSON;
}

/** For whom octets[start, end) cannot go as they are: bits of {@link UNSAFE}. Nearly all values are safe, so all is looked at. */
function unsafeIn(octets: Uint8Array, start: number, end: number): number {
  let bits = 0;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    bits |= UNSAFE[octets[i]] | UNSAFE[octets[i + 1]] | UNSAFE[octets[i + 2]] | UNSAFE[octets[i + 3]];
  }
  for (; i < end; i++) bits |= UNSAFE[octets[i]];
  return bits;
}

const ESCAPES: Readonly<Record<LogEscape, Escaping>> = {
  default: { bit: UNSAFE_DEFAULT, escape: escapeDefault, missing: latin1('-') },
  json: { bit: UNSAFE_JSON, escape: escapeJson, missing: latin1('') },
  none: { bit: 0, escape: (value) => value, missing: latin1('') },
};

/** Whatever could end a quoted value or a line, or drive a terminal, as `\xXX`. */
function escapeDefault(value: string): string {
  return value.replace(/[^\x20-\x7e]|["\\]/g, (c) => `\\x${hex(c)}`);
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
