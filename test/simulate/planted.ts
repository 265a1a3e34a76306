/**
 * Bugs planted in memory, to prove that the simulation would find them: each replaces a method of wirehop's for as
 * long as it is planted. Nothing here is used outside the tests.
 */
import { Pool } from '../../src/driver/pool.js';
import { Pump, type Session } from '../../src/driver/pump.js';
import { sourceLink } from '../../src/driver/source-transport.js';
import type { Transport } from '../../src/driver/transport.js';
import { Wheel, type WheelEntry } from '../../src/driver/wheel.js';
import { Connection } from '../../src/machine/connection.js';
import { DownstreamSide } from '../../src/machine/downstream-side.js';
import type { Effect, SideIndex } from '../../src/machine/effects.js';
import type { Exchange } from '../../src/machine/exchange.js';
import { Pace } from '../../src/machine/pace.js';
import type { Decision } from '../../src/machine/policy.js';
import { SourceSide } from '../../src/machine/source-side.js';
import { UpstreamSide } from '../../src/machine/upstream-side.js';
import { BODY_CHUNKED, BODY_LENGTH, METHOD_GET, METHOD_HEAD, type Head } from '../../src/message/head.js';
import { OctetWriter } from '../../src/bytes/octet-writer.js';
import { ChunkedReader } from '../../src/wire/http1/chunked-reader.js';
import { ContentReader } from '../../src/wire/http1/content-reader.js';

type Any = Record<string, unknown>;
// The methods that are replaced are of all shapes, some of them private.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Method = (this: any, ...args: any[]) => any;

export interface Planted {
  readonly name: string;
  /** Most steps until it must be found. */
  readonly within: number;
  /** Plants the bug; answers how to pull it out. */
  readonly plant: () => () => void;
}

/** Replaces a method of a prototype, in whichever class it is inherited from. */
function replace(prototype: object, name: string, make: (was: Method) => Method): () => void {
  let holder = prototype as Any;
  while (!Object.hasOwn(holder, name)) holder = Object.getPrototypeOf(holder) as Any;
  const was = Object.getOwnPropertyDescriptor(holder, name)!;
  Object.defineProperty(holder, name, { ...was, value: make(was.value as Method) });
  return () => void Object.defineProperty(holder, name, was);
}

const method =
  (prototype: object, name: string, make: (was: Method) => Method): (() => () => void) =>
  () =>
    replace(prototype, name, make);

export const PLANTED: readonly Planted[] = [
  {
    name: 'a drain of effects is skipped, once in five hundred',
    within: 50_000,
    plant: () => {
      let count = 0;
      return replace(
        Pump.prototype,
        'drain',
        (was) =>
          function (this: Pump, session: Session, now: number): void {
            if (++count % 500 !== 0) was.call(this, session, now);
          },
      );
    },
  },
  {
    name: 'a chunk’s end is found one octet early when a read ends in the chunk',
    within: 50_000,
    plant: method(
      ChunkedReader.prototype,
      'next',
      (was) =>
        function (this: Any, ...args): number {
          const answer = was.apply(this, args) as number;
          const DATA = 3;
          if (this.state === DATA && (this.left as number) > 1 && this.at === args[2])
            (this.left as number)--;
          return answer;
        },
    ),
  },
  {
    name: 'an upstream connection with octets that nobody asked for is used again',
    within: 300_000,
    plant: method(
      UpstreamSide.prototype,
      'responseComplete',
      (was) =>
        function (): void {
          was.call(this, false);
        },
    ),
  },
  {
    name: 'an upstream connection whose request was not whole is used again',
    within: 1_000_000,
    plant: method(
      UpstreamSide.prototype,
      'responseComplete',
      (was) =>
        function (this: { connection: Connection }, ...args): void {
          const { downstream } = this.connection;
          Object.defineProperty(downstream, 'isWhole', { value: true, configurable: true });
          const { closes } = this.connection;
          was.apply(this, args);
          this.connection.closes ||= closes;
          delete (downstream as unknown as Any).isWhole;
        },
    ),
  },
  {
    name: 'the first early octet of a tunnel is lost',
    within: 100_000,
    plant: method(
      DownstreamSide.prototype,
      'takeHeld',
      (was) =>
        function (): Buffer | null {
          const held = was.call(this) as Buffer | null;
          return held === null || held.length < 2 ? held : held.subarray(1);
        },
    ),
  },
  {
    name: 'drained is forgotten, once in twenty',
    within: 300_000,
    plant: () => {
      let count = 0;
      return replace(
        Connection.prototype,
        'drained',
        (was) =>
          function (this: Connection, side: SideIndex, now: number): void {
            if (++count % 20 !== 0) was.call(this, side, now);
          },
      );
    },
  },
  {
    name: 'a side that is blocked does not stop the other',
    within: 1_000_000,
    plant: method(
      Connection.prototype,
      'sync',
      (was) =>
        function (this: Connection): void {
          const sides = [this.downstream, this.upstream];
          const blocked = sides.map(({ isBlocked }) => isBlocked);
          for (const side of sides) side.isBlocked = false;
          was.call(this);
          sides.forEach((side, i) => (side.isBlocked = blocked[i]));
        },
    ),
  },
  {
    name: 'content with a length is counted one short',
    within: 50_000,
    plant: method(
      ContentReader.prototype,
      'begin',
      (was) =>
        function (this: Any, head: Head, ...rest): void {
          was.call(this, head, ...rest);
          if (head.body !== BODY_CHUNKED && (this.left as number) > 1 && head.targetEnd > 0)
            (this.left as number)--;
        },
    ),
  },
  {
    name: 'every request may be repeated, a POST too',
    within: 300_000,
    plant: method(
      UpstreamSide.prototype,
      'mayRepeat',
      () =>
        function (this: Any): boolean {
          return this.contentSent !== true && this.answered !== true;
        },
    ),
  },
  {
    name: 'the content that the head of an answer to HEAD announces is awaited',
    within: 100_000,
    plant: method(
      UpstreamSide.prototype,
      'beginResponse',
      (was) =>
        function (this: Any, exchange: Exchange, head: Head, ...rest): void {
          const { request } = exchange;
          const { method: asked } = request;
          if (asked === METHOD_HEAD && head.contentLength > 0) {
            head.body = BODY_LENGTH;
            request.method = METHOD_GET;
          }
          was.call(this, exchange, head, ...rest);
          request.method = asked;
        },
    ),
  },
  {
    name: 'an answer that breaks off is ended as if it were whole',
    within: 300_000,
    plant: method(
      UpstreamSide.prototype,
      'ended',
      (was) =>
        function (this: Any & { connection: Connection }): void {
          const content = this.content as ContentReader;
          Object.defineProperty(content, 'endsWithConnection', { value: true, configurable: true });
          was.call(this);
          delete (content as unknown as Any).endsWithConnection;
        },
    ),
  },
  {
    name: 'a reset ends content that lasts as long as its connection',
    within: 1_000_000,
    plant: method(
      UpstreamSide.prototype,
      'failed',
      (was) =>
        function (this: Any, detail: string): void {
          if ((this.content as ContentReader).endsWithConnection)
            (this as unknown as { ended(): void }).ended();
          else was.call(this, detail);
        },
    ),
  },
  {
    name: 'a session that is over stays in the wheel',
    within: 50_000,
    plant: method(
      Wheel.prototype,
      'cancel',
      (was) =>
        function (this: Wheel, entry: WheelEntry): void {
          if ((entry as unknown as { machine?: Connection }).machine?.isOver !== true) was.call(this, entry);
        },
    ),
  },
  {
    name: 'a deadline that comes nearer is not moved',
    within: 300_000,
    plant: method(
      Wheel.prototype,
      'schedule',
      (was) =>
        function (this: Wheel, entry: WheelEntry, deadline: number): void {
          if (entry.scheduledAt === Infinity) was.call(this, entry, deadline);
        },
    ),
  },
  {
    name: 'the reader of a request head is not given back',
    within: 100_000,
    plant: method(
      DownstreamSide.prototype,
      'release',
      () =>
        function (this: Any): void {
          (this.content as ContentReader).release();
          this.reader = null;
        },
    ),
  },
  {
    name: 'a closed idle connection is still counted',
    within: 100_000,
    plant: method(
      Pool.prototype,
      'evict',
      (was) =>
        function (this: Any, link): void {
          const { onClosed } = this as unknown as { onClosed: () => void };
          this.onClosed = () => undefined;
          was.call(this, link);
          this.onClosed = onClosed;
        },
    ),
  },
  {
    name: 'octets that wait are written over',
    within: 300_000,
    plant: method(
      OctetWriter.prototype,
      'settle',
      (was) =>
        function (this: OctetWriter): void {
          was.call(this, false);
        },
    ),
  },
  {
    name: 'lent octets are held without a copy',
    within: 300_000,
    plant: method(
      DownstreamSide.prototype,
      'hold',
      () =>
        function (this: Any, chunk: Buffer, at: number, end: number): void {
          if (at < end) this.held = chunk.subarray(at, end);
        },
    ),
  },
  {
    name: 'lent octets are given to a transport that keeps references',
    within: 50_000,
    plant: method(
      Pump.prototype,
      'write',
      () =>
        function (this: Pump, transport: Transport, { buffer, start, end }: Effect, hasMore: boolean): void {
          transport.write(buffer!, start, end, hasMore);
        },
    ),
  },
  {
    name: 'an upstream connection is kept though the peer said that it closes',
    within: 300_000,
    plant: () => {
      const undo = replace(
        UpstreamSide.prototype,
        'responseComplete',
        (was) =>
          function (this: { connection: Connection }, ...args): void {
            this.connection.exchange!.response.keepsAlive = true;
            was.apply(this, args);
          },
      );
      return undo;
    },
  },
  {
    name: 'content of a request goes with its subrequest',
    within: 300_000,
    plant: method(
      UpstreamSide.prototype,
      'begin',
      (was) =>
        function (this: { connection: Connection }, plan: unknown, sendsContent: boolean): void {
          was.call(this, plan, sendsContent || this.connection.exchange!.main !== null);
        },
    ),
  },
  {
    name: 'an interim response to a subrequest goes downstream',
    within: 300_000,
    plant: method(
      UpstreamSide.prototype,
      'sendInterim',
      (was) =>
        function (this: Any, exchange: Exchange, head: Head): void {
          const { main } = exchange;
          exchange.main = null;
          was.call(this, exchange, head);
          exchange.main = main;
        },
    ),
  },
  {
    name: 'octets that wait for their turn are held without a copy',
    within: 300_000,
    plant: method(
      Pace.prototype,
      'hold',
      () =>
        function (this: { waiting: Buffer[] }, octets: Buffer, start: number, end: number): void {
          if (start < end) this.waiting.push(octets.subarray(start, end));
        },
    ),
  },
  {
    name: 'a response is over while some of it waits for its turn',
    within: 300_000,
    plant: method(
      Pace.prototype,
      'take',
      (was) =>
        function (this: { waiting: Buffer[] }, now: number): Buffer | null {
          const part = was.call(this, now) as Buffer | null;
          if (part !== null && this.waiting.length > 0) this.waiting.length = 0;
          return part;
        },
    ),
  },
  {
    name: 'the reader of a subrequest’s answer is not given back',
    within: 300_000,
    plant: method(
      UpstreamSide.prototype,
      'dropReader',
      (was) =>
        function (this: Any & { connection: Connection }): void {
          if (this.connection.exchange?.main != null) this.reader = null;
          was.call(this);
        },
    ),
  },
  {
    name: 'what came behind a request while something was found out is lost',
    within: 300_000,
    plant: method(
      Connection.prototype,
      'subrequestAnswered',
      (was) =>
        function (this: Connection, status: number): void {
          this.downstream.dropHeld();
          was.call(this, status);
        },
    ),
  },
  {
    name: 'a promised decision is carried out though the client has left',
    within: 300_000,
    plant: method(
      Connection.prototype,
      'decide',
      (was) =>
        function (this: Connection, exchange: Exchange, plan: Decision, now: number): void {
          if (this.isOver) (this as unknown as { take(plan: Decision): void }).take(plan);
          else was.call(this, exchange, plan, now);
        },
    ),
  },
  {
    name: 'a rate is counted from its last part on',
    within: 300_000,
    plant: method(
      Pace.prototype,
      'take',
      (was) =>
        function (this: { sent: number }, now: number): Buffer | null {
          const part = was.call(this, now) as Buffer | null;
          if (part !== null) this.sent = 0;
          return part;
        },
    ),
  },
  {
    name: 'a source is read into octets that wait to be written',
    within: 300_000,
    plant: () => {
      const nothing = { octets: 0, read: (): void => undefined };
      const { transport } = sourceLink(nothing, null as unknown as Transport, 0);
      return replace(
        Object.getPrototypeOf(transport) as object,
        'read',
        (was) =>
          function (this: Any, wanted: boolean): void {
            const { sink } = this;
            this.sink = { waitingOctets: 0 };
            was.call(this, wanted);
            this.sink = sink;
          },
      );
    },
  },
  {
    name: 'a source that fails is read as if it had given all',
    within: 300_000,
    plant: method(
      SourceSide.prototype,
      'failed',
      (was) =>
        function (this: Any & { left: number }, detail: string): void {
          if (this.left > 100) was.call(this, detail);
          else (this as unknown as SourceSide).receive(Buffer.alloc(this.left), 0, this.left);
        },
    ),
  },
];
