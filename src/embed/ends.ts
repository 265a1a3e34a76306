/**
 * What is told of an exchange when it is over, as plain objects that outlive it.
 */
import type { Side } from '../error.js';
import type { Attempt, Exchange } from '../machine/exchange.js';
import {
  type AttemptEnd,
  type AttemptInfo,
  errorInfo,
  type ErrorInfo,
  type ExchangeEnd,
  type TunnelEnd,
} from './hooks.js';

export function attemptInfo({ peer }: Attempt, ordinal: number): AttemptInfo {
  return { address: peer.name, ordinal };
}

function attemptEnd(attempt: Attempt, i: number): AttemptEnd {
  const { startedAt, connectedAt, headAt, endedAt, status, reused, octetsSent, octetsReceived } = attempt;
  return {
    ...attemptInfo(attempt, i + 1),
    status,
    reused,
    connectMs: connectedAt < 0 ? -1 : connectedAt - startedAt,
    headMs: headAt < 0 ? -1 : headAt - startedAt,
    durationMs: endedAt < 0 ? 0 : endedAt - startedAt,
    octetsSent,
    octetsReceived,
  };
}

export function exchangeEnd(exchange: Exchange, cause: unknown): ExchangeEnd {
  const { outcome, status, startedAt, endedAt, octetsReceived, octetsSent, attempts } = exchange;
  return {
    outcome,
    status,
    error: errorOf(exchange, cause),
    durationMs: Math.max(0, endedAt - startedAt),
    octetsReceived,
    octetsSent,
    attempts: attempts.map(attemptEnd),
  };
}

/**
 * @param switchedAt monotonic ms, -1 if nobody was watching then
 * @param receivedBefore octets received from downstream before the switch
 */
export function tunnelEnd(
  exchange: Exchange,
  switchedAt: number,
  receivedBefore: number,
  cause: unknown,
): TunnelEnd {
  const { tunnelEndedBy, attempt, endedAt, octetsReceived, octetsSent, headOctetsSent } = exchange;
  const since = switchedAt >= 0 ? switchedAt : (attempt?.headAt ?? endedAt);
  const before = switchedAt >= 0 ? receivedBefore : exchange.request.length;
  return {
    endedBy: tunnelEndedBy ?? ('internal' satisfies Side),
    error: errorOf(exchange, cause),
    durationMs: Math.max(0, endedAt - since),
    octetsUpstream: octetsReceived - before,
    octetsDownstream: octetsSent - headOctetsSent,
  };
}

function errorOf({ fault }: Exchange, cause: unknown): ErrorInfo | null {
  return fault === null ? null : errorInfo(fault, fault.code.startsWith('HOOK_') ? cause : undefined);
}
