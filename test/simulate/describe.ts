/** Scripts and sessions in words, for a person who looks at a violation. */
import type { Session } from '../../src/driver/pump.js';
import { REQUEST_PHASES, RESPONSE_PHASES } from '../../src/machine/phases.js';
import type { Entry } from './ledger.js';
import type { ConnectionScript } from './script.js';

export function phasesOf({ machine }: Session): string {
  const request = REQUEST_PHASES[machine.downstream.phase];
  const response = RESPONSE_PHASES[machine.responsePhase];
  const blocked = `${machine.downstream.isBlocked ? 'down' : ''} ${machine.upstream.isBlocked ? 'up' : ''}`;
  return `request ${request}, response ${response}, blocked ${blocked}`;
}

export function describe(script: ConnectionScript, entries: readonly Entry[]): string {
  const { index, startMs, isCalm, wire, pipelined, vanishSent, vanishReceived, vanishHow, ending } = script;
  const vanish =
    vanishSent >= 0
      ? `${vanishHow} after ${vanishSent} sent`
      : vanishReceived >= 0
        ? `${vanishHow} after ${vanishReceived} received`
        : ending;
  const head = `connection ${index} at ${startMs} ms, ${isCalm ? 'calm' : 'wild'}, pipelines ${pipelined}, then ${vanish}, wire ${JSON.stringify(wire)}`;
  return [
    head,
    ...entries.map(
      ({ script: one }) =>
        `  ${JSON.stringify(one, (key, value: unknown) => (value === null || key === 'connection' ? undefined : value))}`,
    ),
  ].join('\n');
}
