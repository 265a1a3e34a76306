/**
 * Answers that wirehop makes of itself: built-in pages and the redirection to a path with a slash. The words stand in
 * message/statuses.ts, where the machine finds them too.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import { QUESTION } from '../bytes/octets.js';
import type { Exchange } from '../machine/exchange.js';
import type { DownstreamRules, RespondPlan } from '../machine/policy.js';
import { FieldEdits, fieldSet, type ValueSource } from '../message/field-edits.js';
import { origin } from './absolute-location.js';
import { contextOf } from './context.js';
import { localEdits } from './edits.js';
import type { LocationModel } from './model.js';
import { escapePath } from './request-uri.js';

export { builtInPage, REASONS, reasonPhrase, wireStatus } from '../message/statuses.js';

let bareEdits: FieldEdits<Exchange> | null = null;

/** Lines of a built-in page in a location: its own; those of nginx's defaults where the configuration says nothing. */
export function pageEdits(location: LocationModel): FieldEdits<Exchange> {
  bareEdits ??= localEdits({ contentType: 'text/html', location: null, add: [], serverTokens: true });
  return location.pageEdits ?? bareEdits;
}

/** The built-in page of a status, with the lines that answers of this location carry. */
export function pagePlan(location: LocationModel, status: number, downstream: DownstreamRules): RespondPlan {
  return { kind: 'respond', downstream, status, edits: pageEdits(location), content: null };
}

/** 301 to the location's own name, for a request that left out the slash at its end. */
export function slashPlan(location: LocationModel): RespondPlan {
  const edits = pageEdits(location);
  const line = fieldSet<Exchange>('Location', new SlashTarget(escapePath(location.pattern)), true);
  return {
    kind: 'respond',
    downstream: location.downstream,
    status: 301,
    edits: new FieldEdits<Exchange>([], [...edits.first, line], edits.last),
    content: null,
  };
}

class SlashTarget implements ValueSource<Exchange> {
  constructor(private readonly path: string) {}
  put(exchange: Exchange, out: OctetWriter): void {
    const { argsStart, argsEnd } = contextOf(exchange);
    out.putLatin1(origin(exchange));
    out.putLatin1(this.path);
    if (argsEnd === argsStart) return;
    out.putOctet(QUESTION);
    out.put(exchange.request.octets, argsStart, argsEnd);
  }
}
