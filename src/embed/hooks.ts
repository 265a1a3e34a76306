/**
 * What an embedder is told and asked while an exchange goes on. Types, and the channels of `node:diagnostics_channel`
 * that carry the same events.
 *
 * Hooks run inside the proxy, in the order of this file. One that throws or takes too long harms its own exchange:
 * `request` and `response` make its answer a 500 or 503; what the others throw is logged. They run in the asynchronous
 * context (AsyncLocalStorage) of the call that handed the request over: `upgrade`, `web` or `handleConnection`.
 */
import { channel, type Channel } from 'node:diagnostics_channel';
import type { ErrorCode, Fault, Side } from '../error.js';
import type { Outcome } from '../machine/exchange.js';
import type { Action, RespondAction } from './options.js';
import type { ProxyExchange, RequestHead, ResponseHead } from './views.js';

/** All are optional; an absent one costs nothing. */
export interface Hooks {
  /**
   * A request head is whole and valid, and nothing is decided. Edits of `request.fields` and `request.target` come
   * behind the route's own. An action that is returned is taken instead of the routes'.
   */
  request?(
    request: RequestHead,
    exchange: ProxyExchange,
  ): Action | null | undefined | void | Promise<Action | null | undefined | void>;
  /** A server was chosen and is being connected to; again for every further one. */
  upstream?(attempt: AttemptInfo, exchange: ProxyExchange): void;
  /**
   * The final response head has come, a 101 too, and nothing of it has gone downstream. Edits of `response.fields` come
   * behind the route's own. An answer that is returned takes the response's place.
   */
  response?(
    response: ResponseHead,
    exchange: ProxyExchange,
  ): RespondAction | null | undefined | void | Promise<RespondAction | null | undefined | void>;
  /** Protocols were switched: from here on octets pass both ways. */
  switched?(exchange: ProxyExchange): void;
  /** A tunnel is over, just before `finished`. */
  tunnelClosed?(end: TunnelEnd, exchange: ProxyExchange): void;
  /** The exchange is over; for a tunnel when both sides are closed. The last moment at which heads can be read. */
  finished?(end: ExchangeEnd, exchange: ProxyExchange): void;
  /**
   * Something went wrong. `exchange` is null where no request was read. Nothing needs to be done about it: the exchange
   * was answered or ended, and the process goes on.
   */
  error?(error: ErrorInfo, exchange: ProxyExchange | null): void;
}

/** A server that is tried. */
export interface AttemptInfo {
  /** `127.0.0.1:3000`, `[::1]:3000`, `unix:/path`. */
  readonly address: string;
  /** From 1. */
  readonly ordinal: number;
}

/** One try of one server, when it is over. */
export interface AttemptEnd extends AttemptInfo {
  /** Its final status; the one it was given up with (502, 504) if it failed; 0 if it was left before. */
  readonly status: number;
  /** The connection had been used before. */
  readonly reused: boolean;
  /** ms from the start of the attempt; -1 if it did not come to that. */
  readonly connectMs: number;
  /** ms from the start of the attempt to the first octet of the response head; -1 if none came. */
  readonly headMs: number;
  /** ms from its start until it was done with. */
  readonly durationMs: number;
  /** Octets of head and content sent to it. */
  readonly octetsSent: number;
  /** Octets received from it. */
  readonly octetsReceived: number;
}

/** An exchange that is over. */
export interface ExchangeEnd {
  /** `complete`, `refused`, `downstream-closed`, `upstream-failed` or `tunnel-closed`. */
  readonly outcome: Outcome;
  /** Status that went downstream; 499 if that side left before, 0 if none was sent. */
  readonly status: number;
  /** What went wrong first, or null. */
  readonly error: ErrorInfo | null;
  /** ms from the first octet of the request head to the last of the answer. */
  readonly durationMs: number;
  /** Octets of head and content from downstream. */
  readonly octetsReceived: number;
  /** Octets of head and content sent downstream. */
  readonly octetsSent: number;
  /** Every server that was tried, in order. */
  readonly attempts: readonly AttemptEnd[];
}

/** A tunnel that is over. */
export interface TunnelEnd {
  /** Who ended it first; `internal` for the proxy: `error` says why, or it was closed. */
  readonly endedBy: Side;
  /** Why, where it was no ordinary end. */
  readonly error: ErrorInfo | null;
  /** ms since the switch. */
  readonly durationMs: number;
  /** Octets behind the heads that went upstream. */
  readonly octetsUpstream: number;
  /** Octets behind the heads that went downstream. */
  readonly octetsDownstream: number;
}

/** What went wrong, by code. */
export interface ErrorInfo {
  /** A row of ERRORS. */
  readonly code: ErrorCode;
  /** Whose octets, or silence, caused it; `internal` is the proxy or its embedder. */
  readonly side: Side;
  /** Status owed downstream for it; 0 where none is sent. */
  readonly status: number;
  /** Octets from the start of the message, or -1. */
  readonly offset: number;
  /** A system error code such as ECONNREFUSED, or ''. */
  readonly detail: string;
  /** All of that in one line. */
  readonly message: string;
  /** What a hook threw, if one did. */
  readonly cause?: unknown;
}

export function errorInfo(fault: Fault, cause?: unknown): ErrorInfo {
  const { code, side, status, offset, detail, message } = fault;
  return { code, side, status, offset, detail, message, ...(cause === undefined ? {} : { cause }) };
}

/**
 * The channels, `wirehop:NAME`. Messages are objects with `exchange` and what the hook of that name gets; subscribers
 * must not edit. With no subscriber nothing is made.
 */
export const CHANNELS = {
  request: channel('wirehop:request'),
  upstream: channel('wirehop:upstream'),
  response: channel('wirehop:response'),
  switched: channel('wirehop:switched'),
  tunnelClosed: channel('wirehop:tunnelClosed'),
  finished: channel('wirehop:finished'),
  error: channel('wirehop:error'),
} satisfies Record<keyof Hooks, Channel>;
