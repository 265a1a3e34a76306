/**
 * X-Accel-Redirect: what of the response that names another location goes on, and which targets are safe.
 */
import type { Exchange } from '../machine/exchange.js';
import type { Plan } from '../machine/policy.js';
import { fieldLine, type FieldSet } from '../message/field-edits.js';
import { FIELD_NAMES } from '../message/field-names.js';
import { FIELD_STRIDE, ID_MASK, NAME_ID, type Head } from '../message/head.js';

const CONTENT_TYPE = FIELD_NAMES.intern('content-type');
const NO_NAMES: ReadonlySet<string> = new Set();
const TYPE_NAME: ReadonlySet<string> = new Set(['content-type']);

/** Fields that nginx takes over from such a response, as they are sent. */
const KEPT = new Map(
  ['Content-Type', 'Set-Cookie', 'Content-Disposition', 'Cache-Control', 'Expires', 'Accept-Ranges'].map(
    (name) => [FIELD_NAMES.intern(name.toLowerCase()), name],
  ),
);

/** The lines that go on with the answer that takes the response's place. */
export function keptLines(response: Head): FieldSet<Exchange>[] {
  const lines: FieldSet<Exchange>[] = [];
  for (let i = 0; i < response.count; i++) {
    const name = KEPT.get(response.fields[i * FIELD_STRIDE + NAME_ID] & ID_MASK);
    if (name !== undefined) lines.push(fieldLine<Exchange>(name, response.valueText(i)));
  }
  return lines;
}

/**
 * A plan whose answer carries lines of the response that it stands in for.
 * @param isErrorPage it is the page of another status than the response's
 */
export function withLines(plan: Plan, lines: readonly FieldSet<Exchange>[], isErrorPage: boolean): Plan {
  // A page of wirehop's own, and an upstream, know the type of what they send.
  const own = lines.filter(({ id }) => id !== CONTENT_TYPE);
  if (plan.kind === 'forward') return { ...plan, responseEdits: plan.responseEdits.amended(NO_NAMES, own) };
  if (isErrorPage || (plan.content === null && plan.source === undefined))
    return { ...plan, edits: plan.edits.amended(NO_NAMES, own) };
  const replaced = lines.some(({ id }) => id === CONTENT_TYPE) ? TYPE_NAME : NO_NAMES;
  return { ...plan, edits: plan.edits.amended(replaced, lines) };
}

/**
 * Reads a target that an upstream names (`ngx_http_parse_unsafe_uri`).
 * @returns null for one that climbs, is empty, or holds NUL
 */
export function readUnsafeTarget(target: string): { readonly path: string; readonly args: string } | null {
  const query = target.indexOf('?');
  const encoded = query < 0 ? target : target.slice(0, query);
  const path = encoded.replace(/%([0-9A-Fa-f]{2})/g, (_whole, digits: string) =>
    String.fromCharCode(parseInt(digits, 16)),
  );
  if (!path.startsWith('/') || path.includes('\0') || /(^|\/)\.\.(\/|$)/.test(path)) return null;
  return { path, args: query < 0 ? '' : target.slice(query + 1) };
}
