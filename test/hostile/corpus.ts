/**
 * The form of a hostile case: what the client sends, what its origin does, and what may come of it.
 */
import type { Step } from './steps.js';

/** What may come of a case. Everything that {@link HostileCase} holds for all cases is checked besides. */
export interface Expected {
  /** Statuses that the client gets, interim ones included. */
  readonly statuses: readonly number[];
  /** The proxy closes the connection by itself. Absent: either. */
  readonly closes?: boolean;
  /**
   * The requests that the origin gets, canaries excluded: `METHOD target[ content]`, "..." behind a part of one.
   * Absent: any.
   */
  readonly origin?: readonly string[];
  /** The last answer breaks off, and the client can tell. */
  readonly isCut?: boolean;
  /** Must be found in what the client gets. */
  readonly has?: RegExp;
  /** Must not be found there. */
  readonly lacks?: RegExp;
  /** Must be found in what the origin gets. */
  readonly sends?: RegExp;
  /** Must not be found there. */
  readonly withholds?: RegExp;
  /** Octets behind a switch of protocols, on the client's side and on the origin's. */
  readonly tunnel?: readonly [toClient: string, toOrigin: string];
}

/**
 * One case. For all of them hold: the origin gets nothing but whole, strict messages (or a part of one whose connection
 * was then closed); the client gets nothing but strict messages; nothing reaches another case's origin; hop-by-hop
 * fields and chunk extensions do not pass; and another client's request afterwards gets the answer to that very request.
 */
export interface HostileCase {
  readonly name: string;
  /** Where the idea comes from: an RFC's clause, a class of attacks, a known fault of somebody's. */
  readonly idea: string;
  readonly client: Step | readonly Step[];
  /** Methods of the requests that are answered, where one is not GET or POST: HEAD has no content. */
  readonly methods?: readonly string[];
  /** What the origin does about the first request, the second...; the last one again for those behind. Absent: answers. */
  readonly origin?: readonly Step[] | readonly (readonly Step[])[];
  /** What the origin sends as soon as it is connected to, for the first time. */
  readonly greeting?: readonly Step[];
  /** Lines for the case's location, in place of the usual ones where they say the same; @UPSTREAM@ is its upstream. */
  readonly location?: string;
  /** The location answers by itself, or sends other targets upstream: no canary could tell. */
  readonly skipsCanary?: boolean;
  /** A timeout of the proxy's decides: the case is given time for it. */
  readonly isSlow?: boolean;
  /** One or any of several. */
  readonly expect: Expected | readonly Expected[];
}

export interface Table {
  readonly title: string;
  readonly cases: readonly HostileCase[];
}

/** Refused and closed; the origin hears nothing of it. */
export function refused(status: number, ...before: readonly string[]): Expected {
  return { statuses: [...before.map(() => 200), status], closes: true, origin: before };
}

/** Passed on as these requests and answered, and the connection goes on. */
export function served(...requests: readonly string[]): Expected {
  return { statuses: requests.map(() => 200), closes: false, origin: requests };
}

/** The same, and closed behind the last answer. */
export function servedLast(...requests: readonly string[]): Expected {
  return { ...served(...requests), closes: true };
}

/** A request head: `lines` without their CRLF, Host first. */
export function head(startLine: string, ...lines: readonly string[]): string {
  return [startLine, 'Host: h', ...lines, '', ''].join('\r\n');
}

/** A head as it is. */
export function bare(...lines: readonly string[]): string {
  return [...lines, '', ''].join('\r\n');
}

/** A response with this content, counted. */
export function ok(content: string, ...lines: readonly string[]): string {
  return `${bare('HTTP/1.1 200 OK', ...lines, `Content-Length: ${content.length}`)}${content}`;
}
