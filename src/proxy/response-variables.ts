/**
 * Variables of the response as it goes downstream. Its head is never kept: a `$sent_http_NAME` is worked out again from
 * the upstream's head and the edits of the plan, by the rules that the head writer follows.
 */
import { OctetWriter } from '../bytes/octet-writer.js';
import type { Exchange } from '../machine/exchange.js';
import { CONTENT_LENGTH, FIELD_NAMES, UPGRADE } from '../message/field-names.js';
import { DROPS, REWRITES, type FieldEdits, type FieldSet, type ValueSource } from '../message/field-edits.js';
import { BODY_LENGTH, FIELD_STRIDE, ID_MASK, NAME_ID, NOMINATED } from '../message/head.js';
import { builtInPage, wireStatus } from '../message/statuses.js';
import { ruleOf } from './fault-lines.js';
import type { Variable, VariableFamily } from './variables.js';

/** Lines that the head writer makes from the state of the connection, and those that no response has. */
const WRITERS_OWN: Readonly<Record<string, (exchange: Exchange) => string>> = {
  connection: (exchange) =>
    exchange.tunnelled
      ? 'upgrade'
      : exchange.keepsConnection
        ? 'keep-alive'
        : exchange.status > 0
          ? 'close'
          : '',
  'keep-alive': ({ keepsConnection, plan }) =>
    keepsConnection ? keepAlive(plan?.downstream.keepAliveLines) : '',
  'transfer-encoding': ({ isChunked }) => (isChunked ? 'chunked' : ''),
  'proxy-connection': () => '',
  te: () => '',
  upgrade: ({ tunnelled, response }) => (tunnelled ? response.joinedText(UPGRADE) : ''),
};

/** The value of a Keep-Alive line among those that are written where a connection stays. */
function keepAlive(lines: Uint8Array | undefined): string {
  const text = lines === undefined ? '' : Buffer.from(lines).toString('latin1');
  return /^Keep-Alive: (.*)\r$/m.exec(text)?.[1] ?? '';
}

/** Statuses that lines added without `always` go to (add_header). */
const ADDED_TO = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308]);

function changing(text: (exchange: Exchange) => string, put?: Variable['put']): Variable {
  return { text, put, isStable: false, isFound: undefined, readsResponse: false };
}

function count(of: (exchange: Exchange) => number): Variable {
  return changing(
    (exchange) => String(of(exchange)),
    (exchange, out) => out.putDecimal(of(exchange)),
  );
}

/** nginx's inner statuses go out, and into logs, as 400; three digits always. */
function statusText({ status }: Exchange): string {
  return String(wireStatus(status)).padStart(3, '0');
}

function putStatus(exchange: Exchange, out: OctetWriter): void {
  const status = wireStatus(exchange.status);
  if (status < 100) out.putLatin1(statusText(exchange));
  else out.putDecimal(status);
}

/** Variables by name. */
export function responseVariables(): Readonly<Record<string, Variable>> {
  return {
    status: changing(statusText, putStatus),
    bytes_sent: count((exchange) => exchange.octetsSent),
    body_bytes_sent: count((exchange) => Math.max(0, exchange.octetsSent - exchange.headOctetsSent)),
    request_completion: changing((exchange) => (isComplete(exchange) ? 'OK' : '')),
    // wirehop does not compress: nginx says the same of a response that it did not compress.
    gzip_ratio: changing(() => ''),
    // wirehop's own: why an exchange ended, for the lines of tunnels above all.
    fault_code: changing(({ fault }) => fault?.code ?? ''),
    fault_rule: changing((exchange) => (exchange.fault === null ? '' : ruleOf(exchange.fault, exchange))),
    tunnel_ended_by: changing(({ tunnelEndedBy }) => tunnelEndedBy ?? ''),
  };
}

/** The answer went out whole: the upstream's, or one of wirehop's own, for which there is no response. */
function isComplete({ outcome, response, endedAt }: Exchange): boolean {
  if (endedAt < 0) return false;
  if (outcome === 'complete' || outcome === 'tunnel-closed') return true;
  return outcome !== 'downstream-closed' && response.length === 0;
}

/** Families by prefix. */
export function responseFamilies(): Readonly<Record<string, VariableFamily>> {
  return {
    sent_http_: (member) => {
      const name = member.replaceAll('_', '-');
      if (Object.hasOwn(WRITERS_OWN, name))
        return { ...changing(WRITERS_OWN[name]), readsResponse: name === 'upgrade' };
      const id = FIELD_NAMES.intern(name);
      return {
        text: id === CONTENT_LENGTH ? sentLength : (exchange) => sentText(exchange, id),
        put: undefined,
        isStable: false,
        isFound: undefined,
      };
    },
  };
}

/** The upstream's response is what went downstream, rather than a page of wirehop's own. */
function isRelayed({ response, status, plan }: Exchange): boolean {
  if (plan?.kind !== 'forward' || response.length === 0) return false;
  return response.status === status || status === 499 || (status > 0 && status === plan.status);
}

function sentLength(exchange: Exchange): string {
  const { plan, response } = exchange;
  if (isRelayed(exchange)) return response.body === BODY_LENGTH ? String(response.contentLength) : '';
  if (plan?.kind !== 'respond') return '';
  const content = plan.content;
  return String(content === null ? builtInPage(plan.status).length : render(content, exchange).length);
}

function sentText(exchange: Exchange, id: number): string {
  const { plan, response } = exchange;
  if (plan === undefined) return '';
  const relayed = isRelayed(exchange);
  if (plan.kind === 'forward' && !relayed) return '';
  const edits = plan.kind === 'forward' ? plan.responseEdits : plan.edits;
  const values = added(edits.first, id, exchange);
  if (relayed && !drops(edits, id)) {
    for (let i = 0; i < response.count; i++) {
      const found = response.fields[i * FIELD_STRIDE + NAME_ID];
      if ((found & ID_MASK) === id && (found & NOMINATED) === 0)
        values.push(onItsWay(edits, id, response.valueText(i), exchange));
    }
  }
  values.push(...added(edits.last, id, exchange));
  return values.join(', ');
}

/** Values of the lines that edits add in front under one id, joined; '' for none. */
export function lineText(edits: FieldEdits<Exchange>, id: number, exchange: Exchange): string {
  return added(edits.first, id, exchange).join(', ');
}

function drops(edits: FieldEdits<Exchange>, id: number): boolean {
  return id < edits.drops.length && edits.drops[id] === DROPS;
}

/** A received value as it goes down. */
function onItsWay(edits: FieldEdits<Exchange>, id: number, value: string, exchange: Exchange): string {
  if (edits.rewrites === null || id >= edits.drops.length || edits.drops[id] !== REWRITES) return value;
  return edits.rewrites.rewrite(id, value, exchange);
}

function added(sets: readonly FieldSet<Exchange>[], id: number, exchange: Exchange): string[] {
  const values: string[] = [];
  for (const set of sets) {
    if (set.id !== id || !(set.always || ADDED_TO.has(exchange.status))) continue;
    const value = render(set.value, exchange);
    if (value !== '') values.push(value);
  }
  return values;
}

const scratch = new OctetWriter();
let isRendering = false;

/** A value as text. '' inside another rendering: a line whose value asks for that very line has no value yet. */
function render(value: ValueSource<Exchange>, exchange: Exchange): string {
  if (isRendering) return '';
  isRendering = true;
  try {
    scratch.begin();
    value.put(exchange, scratch);
    const text = scratch.octets.toString('latin1', scratch.start, scratch.position);
    scratch.rewind(scratch.octets, scratch.start);
    return text;
  } finally {
    isRendering = false;
  }
}
