/**
 * Lays down an answer of wirehop's own, head and content. Decides nothing about the connection.
 */
import { OctetWriter } from '../bytes/octet-writer.js';
import { ConstantValue, FieldEdits, fieldSet } from '../message/field-edits.js';
import { METHOD_HEAD } from '../message/head.js';
import { builtInPage } from '../message/statuses.js';
import { writeLocalHead } from '../wire/http1/head-writer.js';
import type { Exchange } from './exchange.js';
import type { ContentSource, Policy, RespondPlan } from './policy.js';

/** Used where a policy names no lines for built-in pages. */
const PLAIN_PAGE = new FieldEdits<Exchange>([], [fieldSet('Content-Type', 'text/html', true)]);
/** Where content is rendered before its length can be written. */
const scratch = new OctetWriter();

/**
 * Appends the whole answer to `out`, as one span, and counts its octets in `exchange`.
 * @param plan null: the built-in page
 * @param closes the connection is closed behind it
 * @param keepAliveLines the lines written where it is not
 */
export function writeAnswer(
  out: OctetWriter,
  exchange: Exchange,
  status: number,
  plan: RespondPlan | null,
  policy: Policy,
  closes: boolean,
  keepAliveLines?: Uint8Array,
): void {
  // Content may tell of it, too.
  exchange.keepsConnection = !closes;
  scratch.position = 0;
  scratch.begin();
  let page: Uint8Array | null = null;
  if (plan?.content instanceof ConstantValue) {
    page = plan.content.octets;
  } else if (plan?.content != null) {
    plan.content.put(exchange, scratch);
    page = scratch.octets.subarray(scratch.start, scratch.position);
  } else if (status >= 300) {
    page = builtInPage(status);
  }
  const edits = plan?.edits ?? policy.pageEdits ?? PLAIN_PAGE;
  const length = hasContent(status) ? (page?.length ?? 0) : -1;
  writeAnswerHead(out, exchange, status, edits, length, closes, keepAliveLines);
  if (page !== null && length > 0 && exchange.request.method !== METHOD_HEAD) out.put(page);
}

/** Appends the head of an answer alone. @param contentOctets negative: it says nothing of a length */
export function writeAnswerHead(
  out: OctetWriter,
  exchange: Exchange,
  status: number,
  edits: FieldEdits<Exchange>,
  contentOctets: number,
  closes: boolean,
  keepAliveLines?: Uint8Array,
): void {
  exchange.keepsConnection = !closes;
  out.begin();
  writeLocalHead(out, status, edits, contentOctets, closes, exchange, keepAliveLines);
  exchange.headOctetsSent += out.position - out.start;
}

/** Whether anything of `source` follows the head of an answer with `status` to this request. */
export function sendsSource({ request }: Exchange, status: number, source: ContentSource): boolean {
  return source.octets > 0 && request.method !== METHOD_HEAD && hasContent(status);
}

/** 204 and 304 have no content and no length (RFC 9110 8.6). */
export function hasContent(status: number): boolean {
  return status !== 204 && status !== 304;
}
