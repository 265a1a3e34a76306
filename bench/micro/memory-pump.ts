/**
 * Carries out a machine's effects in memory, as `driver/pump` does on sockets: every write is taken at once, every
 * upstream connection is there at once. Counts octets; keeps them only while somebody checks them.
 */
import { OctetWriter } from '../../src/bytes/octet-writer.js';
import { Connection } from '../../src/machine/connection.js';
import { CONNECT, Effects, UPSTREAM, WRITE, type SideIndex } from '../../src/machine/effects.js';
import type { ConnectionFacts, Policy } from '../../src/machine/policy.js';

/** Monotonic ms that every input is given: the clock's cost is the driver's. */
const NOW = 1000;

/** What a driver knows of a socket. One class for all: a machine sees one shape of it. */
class MemoryFacts implements ConnectionFacts {
  readonly serial = 1;
  readonly remoteAddress = '192.0.2.60';
  readonly remotePort = 40000;
  readonly localAddress = '127.0.0.1';
  readonly localPort = 8080;
  readonly secure = false;
  readonly openedAt = NOW;
  cache?: unknown = undefined;
}

/** One connection through the machine, both ends in memory. */
export class MemoryPump {
  readonly machine: Connection;
  /** Octets written so far, by side. */
  readonly written: [number, number] = [0, 0];
  /** Writes so far, by side. */
  readonly writes: [number, number] = [0, 0];
  private kept: [string, string] | null = null;

  /** @param effects, out several pumps may share them, as the connections of a driver do */
  constructor(
    policy: Policy,
    private readonly effects = new Effects(),
    private readonly out = new OctetWriter(),
  ) {
    this.machine = new Connection({
      policy,
      facts: new MemoryFacts(),
      effects,
      out,
      ownsChunks: true,
    });
  }

  /** Gives the machine a chunk and carries out what comes of it. */
  receive(side: SideIndex, chunk: Buffer): void {
    this.machine.receive(side, chunk, 0, chunk.length, NOW);
    this.drain();
  }

  /** The side sends no more. */
  end(side: SideIndex): void {
    this.machine.ended(side, NOW);
    this.drain();
  }

  /** Runs `act` and answers what was written meanwhile, by side, as Latin-1 text. */
  keep(act: () => void): readonly [string, string] {
    const kept: [string, string] = (this.kept = ['', '']);
    act();
    this.kept = null;
    return kept;
  }

  private drain(): void {
    const { effects, out, machine } = this;
    for (;;) {
      let connects = false;
      for (let i = 0; i < effects.count; i++) {
        const effect = effects.at(i);
        if (effect.kind === WRITE) {
          this.written[effect.side] += effect.end - effect.start;
          this.writes[effect.side]++;
          if (this.kept !== null) {
            this.kept[effect.side] += effect.buffer!.toString('latin1', effect.start, effect.end);
          }
        } else if (effect.kind === CONNECT && effect.side === UPSTREAM) {
          connects = true;
        }
      }
      effects.clear();
      out.rewind(out.octets, 0);
      if (!connects) return;
      machine.connected(true, NOW);
    }
  }
}
