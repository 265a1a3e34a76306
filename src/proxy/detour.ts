/**
 * What is remembered of a request that left its first path: rewritten, redirected inside, or answered by an error page.
 * Most requests have none. Decides nothing; `router.ts` and `rewrite.ts` fill it by nginx's rules.
 */
import type { RespondPlan } from '../machine/policy.js';

/** nginx's NGX_HTTP_MAX_URI_CHANGES: a request that is sent round more often runs in a circle. */
const MOST_CHANGES = 10;

/** One request's detour. */
export class Detour {
  /** Changes of the path that are still allowed, and one. */
  changesLeft = MOST_CHANGES + 1;
  /** The path was changed here, so locations marked `internal` take it. */
  isInternal = false;
  /** The target as received still says what is wanted: a proxy_pass without a URI sends it. */
  keepsTarget = true;
  /** The path still begins with its location's name: a proxy_pass with a URI replaces that part. */
  keepsLocation = true;
  /** `try_files` found a file whose name stands behind an `alias` that is the whole path. */
  addsPathToAlias = false;
  /** A rewrite changed the path, so a location is looked for again. */
  isChanged = false;
  /** An error page was chosen, and others are out unless `recursive_error_pages` is on. */
  hasErrorPage = false;
  /** The status that the answer will have, whatever gives it; 0: its own. */
  status = 0;
  /** The method that the request has now, '' for the received one. */
  method = '';
  /** WWW-Authenticate of a 401 that an error page replaces. */
  challenge = '';
  /** Location of a redirection that an error page replaces. */
  target = '';
  /** Where a rewrite redirects to. */
  redirection = '';
  /** What a `return` or a redirection decided. */
  answer: RespondPlan | null = null;
}
