/** Octets through the whole machine, over memory: what was forwarded, what was answered. */
import { REQUEST, RESPONSE } from '../../src/machine/phases.js';
import { FixedPeers, forwardPlan, peer, TestPolicy } from '../machine/policies.js';
import { Player } from '../machine/replay.js';
import type { Prng } from '../simulate/prng.js';

export interface Forwarded {
  /** One stream for each exchange that was forwarded. */
  readonly upstream: readonly string[];
  /** For each offer that reached the origin: whether it was accepted. */
  readonly switches: readonly boolean[];
  readonly downstream: string;
  readonly faults: readonly string[];
  readonly events: readonly string[];
  /** The octets that were given to the machine. */
  readonly given: string;
}

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n';

function policy(): TestPolicy {
  const plan = forwardPlan(new FixedPeers(peer(1)));
  return new TestPolicy(() => plan);
}

/** Cuts a text at random, or not at all. */
function cut(text: string, prng: Prng): string[] {
  const parts: string[] = [];
  const most = prng.pick([1, 3, 20, 200, 100_000]);
  for (let at = 0; at < text.length;) {
    const count = prng.between(1, most);
    parts.push(text.slice(at, at + count));
    at += count;
  }
  return parts;
}

/** Plays a client's octets; every request that becomes whole is answered, offers at random with a switch. */
export function forwardRequests(text: string, prng: Prng): Forwarded {
  const rules = policy();
  const player = new Player(rules);
  const { machine, record } = player;
  const switches: boolean[] = [];
  let answered = 0;
  const answer = (): void => {
    for (let again = true; again;) {
      again = false;
      if (machine.isOver || machine.responsePhase !== RESPONSE.HEAD) return;
      if (machine.downstream.phase === REQUEST.BODY || record.upstream.length === answered) return;
      answered = record.upstream.length;
      const { exchange } = machine;
      let accepts = false;
      if (exchange!.offered) {
        const names = exchange!.request.valueText(exchange!.request.upgradeField).toLowerCase().split(',');
        accepts = names.some((name) => name.trim() === 'websocket') && prng.chance(50);
        switches.push(accepts);
      } else if (
        (exchange!.request.connection & 4) !== 0 &&
        exchange!.request.upgradeField >= 0 &&
        exchange!.request.minorVersion === 1
      ) {
        switches.push(false);
      }
      player.step({ up: accepts ? SWITCH : ANSWER });
      again = true;
    }
  };
  for (const part of cut(text, prng)) {
    player.step({ down: part });
    answer();
  }
  player.step('down end');
  answer();
  if (!machine.isOver) player.step('down reset');
  return { ...record, switches, faults: rules.faults, given: text };
}

/** Plays an origin's octets, as the answer to one request, and the end of its connection. */
export function returnResponse(
  request: string,
  text: string,
  ending: 'end' | 'reset' | 'none',
  prng: Prng,
): Forwarded {
  const rules = policy();
  const player = new Player(rules);
  const { machine, record } = player;
  player.step({ down: request });
  const isReleased = (): boolean => record.events.includes('release');
  const parts = cut(text, prng);
  // A connection that was given back is no longer this machine's.
  let given = '';
  for (const part of parts) {
    if (isReleased()) break;
    player.step({ up: part });
    given += part;
  }
  if (!isReleased() && ending !== 'none') player.step(ending === 'end' ? 'up end' : 'up reset');
  if (!machine.isOver) player.step('down reset');
  return { ...record, switches: [], faults: rules.faults, given };
}
