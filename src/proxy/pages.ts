/**
 * Answers that wirehop makes of itself: built-in pages and the redirection to a path with a slash. The words stand in
 * message/statuses.ts, where the machine finds them too.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import type { Exchange } from '../machine/exchange.js';
import type { DownstreamRules, RespondPlan } from '../machine/policy.js';
import { type FieldEdits, fieldSet, type ValueSource } from '../message/field-edits.js';
import { AbsoluteLocation, DEFAULT_REDIRECTS, origin, type RedirectRules } from './absolute-location.js';
import { contextOf } from './context.js';
import { localEdits } from './edits.js';
import type { LocationModel } from './model.js';
import { escapePath } from './request-uri.js';

import { builtInPage } from '../message/statuses.js';

export { builtInPage, REASONS, reasonPhrase, wireStatus } from '../message/statuses.js';

/** Errors whose page ends the connection, as in nginx (`ngx_http_special_response_handler`). */
export const CLOSING_ERRORS: ReadonlySet<number> = new Set([400, 413, 414, 495, 496, 497, 500, 501]);

let bareEdits: FieldEdits<Exchange> | null = null;

/** Lines of a built-in page in a location: its own; those of nginx's defaults where the configuration says nothing. */
export function pageEdits(location: LocationModel): FieldEdits<Exchange> {
  bareEdits ??= localEdits({ contentType: 'text/html', location: null, add: [], serverTokens: true });
  return location.pageEdits ?? bareEdits;
}

/** The built-in page of a status, with the lines that answers of this location carry. */
export function pagePlan(location: LocationModel, status: number, downstream: DownstreamRules): RespondPlan {
  const edits = pageEdits(location);
  // A status without a page has no content, and so no type.
  const isEmpty = status !== 304 && builtInPage(status).length === 0;
  return {
    kind: 'respond',
    downstream,
    status,
    edits: isEmpty ? edits.amended(TYPE, []) : edits,
    content: null,
  };
}

const TYPE: ReadonlySet<string> = new Set(['content-type']);

/** 301 to the location's own name, for a request that left out the slash at its end. */
export function slashPlan(location: LocationModel): RespondPlan {
  const rules = location.redirects ?? DEFAULT_REDIRECTS;
  return locationPlan(location, 301, new SlashTarget(escapePath(location.pattern), rules));
}

/** A redirection to where the request's detour says (`rewrite`, `error_page` with a whole target). */
export function redirectPlan(location: LocationModel, status: number): RespondPlan {
  return locationPlan(location, status, redirectionOf(location.redirects));
}

/** The Location that a `rewrite` made. */
export function redirectionOf(rules: RedirectRules = DEFAULT_REDIRECTS): ValueSource<Exchange> {
  return new AbsoluteLocation({ text: (exchange) => contextOf(exchange).detour?.redirection ?? '' }, rules);
}

function locationPlan(location: LocationModel, status: number, target: ValueSource<Exchange>): RespondPlan {
  const { downstream } = location;
  const edits = pageEdits(location).with([fieldSet<Exchange>('Location', target, true)]);
  return { kind: 'respond', downstream, status, edits, content: null };
}

class SlashTarget implements ValueSource<Exchange> {
  constructor(
    private readonly path: string,
    private readonly rules: RedirectRules,
  ) {}
  put(exchange: Exchange, out: OctetWriter): void {
    if (this.rules.isAbsolute) out.putLatin1(origin(exchange, this.rules));
    out.putLatin1(this.path);
    contextOf(exchange).putQuery(out);
  }
}
