/**
 * `error_page`: what stands in for an answer by its status. Decides which entry holds and under which status its answer
 * goes out; leaves the way there to `router.ts`.
 */
import type { Exchange } from '../machine/exchange.js';
import { wireStatus } from '../message/statuses.js';
import type { Template } from './template.js';

/** One `error_page`. */
export interface ErrorPage {
  readonly statuses: readonly number[];
  /** What stands behind "=": the status of the answer; 0 for a bare "=", which leaves it to who answers; else -1. */
  readonly overwrite: number;
  /** A path, a named location with its "@", or a target with a scheme. */
  readonly uri: Template;
}

/** The entry that holds for one answer. */
export interface ChosenPage {
  /** As in {@link ErrorPage}, the query excluded. */
  readonly uri: string;
  /** The query of a path, without "?". */
  readonly args: string;
  /** The status of the answer; 0: its own. */
  readonly status: number;
}

/** The error pages of one level, in the order of the configuration: of two for one status the first holds. */
export class ErrorPages {
  private readonly byStatus = new Map<number, ErrorPage>();

  /** @param isRecursive an answer of an error page may have one, too (recursive_error_pages) */
  constructor(
    pages: readonly ErrorPage[],
    readonly isRecursive: boolean,
  ) {
    for (const page of pages)
      for (const status of page.statuses) if (!this.byStatus.has(status)) this.byStatus.set(status, page);
  }

  /** Statuses that have a page. */
  get statuses(): IterableIterator<number> {
    return this.byStatus.keys();
  }

  /** What stands in for `status`, or null. */
  find(status: number, exchange: Exchange): ChosenPage | null {
    const page = this.byStatus.get(status);
    if (page === undefined) return null;
    const text = page.uri.text(exchange);
    const query = text.startsWith('/') ? text.indexOf('?') : -1;
    return {
      uri: query < 0 ? text : text.slice(0, query),
      args: query < 0 ? '' : text.slice(query + 1),
      // nginx's inner statuses leave as 400.
      status: page.overwrite < 0 ? wireStatus(status) : page.overwrite,
    };
  }
}
