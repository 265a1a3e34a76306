/**
 * Plays a script of inputs to a machine over an in-memory transport and records what comes out, so that one assertion
 * covers a whole connection. Octets of a step can be fed whole, one by one, or cut anywhere: the record must not
 * change.
 */
import { Connection } from '../../src/machine/connection.js';
import {
  ABORT,
  AWAIT,
  CLOSE,
  CONNECT,
  DOWNSTREAM,
  DROP,
  END,
  FIND,
  OPEN,
  RELEASE,
  type SideIndex,
  UPSTREAM,
  WRITE,
} from '../../src/machine/effects.js';
import type { ConnectionFacts, Policy, Review } from '../../src/machine/policy.js';

/** One input. Octets are Latin-1 text. */
export type Step =
  | { readonly down: string }
  | { readonly up: string }
  | 'down end'
  | 'up end'
  | 'down reset'
  | 'up reset'
  | 'connected'
  | 'refused'
  | 'block down'
  | 'unblock down'
  | 'progress down'
  | 'progress up'
  | 'block up'
  | 'unblock up'
  | 'drain'
  | 'reviewed'
  /** A drain that ends tunnels too: the share that the driver would draw. */
  | { readonly leave: number }
  | { readonly wait: number };

export interface Record {
  /** All that was written downstream. */
  downstream: string;
  /** What was written on each upstream connection. */
  upstream: string[];
  /** Connects, ends, closes and releases, in order. */
  events: string[];
}

export interface PlayOptions {
  /** Answer CONNECT at once, from a pool if something was released to it. Default true. */
  readonly autoConnect?: boolean;
  /** How octets of a step are cut. */
  readonly split?: (octets: Buffer) => Buffer[];
  /** What the policy says in a step `reviewed`; null if absent. */
  readonly verdict?: () => Review;
  /** Called after every input, with the machine. */
  readonly inspect?: (machine: Connection) => void;
}

export const FACTS: ConnectionFacts = {
  serial: 1,
  remoteAddress: '192.0.2.1',
  remotePort: 4242,
  localAddress: '192.0.2.2',
  localPort: 80,
  secure: false,
  openedAt: 0,
};

/** A machine whose effects are carried out in memory. */
export class Player {
  readonly record: Record = { downstream: '', upstream: [], events: [] };
  readonly machine: Connection;
  now = 0;
  /** Writes carried out: one for each run of WRITE effects to a side. */
  writes = 0;
  private idle: string[] = [];
  private current = -1;
  private readonly autoConnect: boolean;

  constructor(
    policy: Policy,
    private readonly options: PlayOptions = {},
  ) {
    this.autoConnect = options.autoConnect ?? true;
    this.machine = new Connection({ policy, facts: FACTS });
  }

  play(steps: readonly Step[]): Record {
    for (const step of steps) this.step(step);
    return this.record;
  }

  step(step: Step): void {
    const { machine } = this;
    if (typeof step === 'object') {
      if ('wait' in step) {
        this.now += step.wait;
        // As the wheel does: never before the deadline.
        if (machine.deadline <= this.now) machine.expire(this.now);
      } else if ('leave' in step) {
        machine.drain(this.now, step.leave);
      } else {
        const side = 'down' in step ? DOWNSTREAM : UPSTREAM;
        const octets = Buffer.from('down' in step ? step.down : step.up, 'latin1');
        for (const part of (this.options.split ?? ((all: Buffer) => [all]))(octets)) this.receive(side, part);
        return;
      }
    } else {
      switch (step) {
        case 'down end':
          machine.ended(DOWNSTREAM, this.now);
          break;
        case 'up end':
          machine.ended(UPSTREAM, this.now);
          break;
        case 'down reset':
          machine.failed(DOWNSTREAM, 'ECONNRESET', this.now);
          break;
        case 'up reset':
          machine.failed(UPSTREAM, 'ECONNRESET', this.now);
          break;
        case 'connected':
          machine.connected(false, this.now);
          break;
        case 'refused':
          machine.connectFailed('ECONNREFUSED', this.now);
          break;
        case 'block down':
          machine.blocked(DOWNSTREAM, this.now);
          break;
        case 'unblock down':
          machine.drained(DOWNSTREAM, this.now);
          break;
        case 'progress down':
          machine.progressed(DOWNSTREAM, this.now);
          break;
        case 'progress up':
          machine.progressed(UPSTREAM, this.now);
          break;
        case 'block up':
          machine.blocked(UPSTREAM, this.now);
          break;
        case 'unblock up':
          machine.drained(UPSTREAM, this.now);
          break;
        case 'drain':
          machine.drain(this.now);
          break;
        case 'reviewed': {
          const attempt = machine.exchange?.attempt;
          if (attempt !== undefined) machine.reviewed(attempt, this.options.verdict?.() ?? null, this.now);
          break;
        }
      }
    }
    this.drain();
  }

  private receive(side: SideIndex, octets: Buffer): void {
    if (octets.length === 0) return;
    this.machine.receive(side, octets, 0, octets.length, this.now);
    this.drain();
    // The chunk was only lent: what the machine kept of it must be a copy.
    octets.fill(0x21);
  }

  private drain(): void {
    const { machine, record } = this;
    const { effects, out } = machine;
    for (let again = true; again;) {
      again = false;
      for (let i = 0; i < effects.count; i++) {
        const effect = effects.at(i);
        const name = effect.side === DOWNSTREAM ? 'downstream' : 'upstream';
        switch (effect.kind) {
          case WRITE: {
            const text = effect.buffer!.toString('latin1', effect.start, effect.end);
            if (effect.side === DOWNSTREAM) record.downstream += text;
            else record.upstream[this.current] += text;
            const next = i + 1 < effects.count ? effects.at(i + 1) : null;
            if (next?.kind !== WRITE || next.side !== effect.side) this.writes++;
            break;
          }
          case END:
            record.events.push(`end ${name}`);
            break;
          case CLOSE:
            record.events.push(`close ${name}`);
            break;
          case ABORT:
            record.events.push(`abort ${name}`);
            break;
          case DROP:
            record.events.push(`drop ${name}`);
            break;
          case AWAIT:
            record.events.push('await');
            break;
          case RELEASE:
            record.events.push('release');
            this.idle.push('idle');
            break;
          case FIND:
            record.events.push('find');
            break;
          case OPEN:
            record.events.push(`open ${effect.source!.octets}`);
            break;
          case CONNECT: {
            const isReused = !effect.fresh && this.idle.pop() !== undefined;
            record.events.push(`${isReused ? 'reuse' : 'connect'} ${effect.peer!.name}`);
            this.current = record.upstream.push('') - 1;
            if (isReused || this.autoConnect) {
              effects.clear();
              machine.connected(isReused, this.now);
              again = true;
            }
            break;
          }
        }
        if (again) break;
      }
      if (!again) effects.clear();
    }
    out.position = 0;
    this.options.inspect?.(machine);
  }
}

/** Every way of cutting octets that a case is replayed with. */
export const FEEDS: readonly { readonly name: string; readonly split: (octets: Buffer) => Buffer[] }[] = [
  { name: 'whole', split: (octets) => [octets] },
  {
    name: 'octet by octet',
    split: (octets) => Array.from(octets, (_, i) => Buffer.from(octets.subarray(i, i + 1))),
  },
];

/** Cuts octets in two at `at`. */
export function cutAt(at: number): (octets: Buffer) => Buffer[] {
  return (octets) =>
    at <= 0 || at >= octets.length
      ? [octets]
      : [Buffer.from(octets.subarray(0, at)), Buffer.from(octets.subarray(at))];
}
