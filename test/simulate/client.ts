/**
 * A model client: sends the requests of its script, reads the answers with the strict reader and checks every octet
 * of them. It knows what it asked for and what the origin was told to answer; anything else is a violation.
 */
import type { Happening } from './agenda.js';
import { ANSWER_TRAILER, type Entry, fieldOf, returnedHead, returnedSwitch, Violation } from './ledger.js';
import { requestOctets } from './octets.js';
import { mix, Prng } from './prng.js';
import type { ConnectionScript } from './script.js';
import { type SourceScript, sourceOf } from './source.js';
import { type StrictEvents, type StrictHead, StrictReader } from './strict-reader.js';
import type { ModelEvents, Wire } from './wire.js';
import type { World } from './world.js';

/** How long a client waits for 100 Continue. */
const CONTINUE_MS = 1000;
/** A client that waits for the other side's end gives up at last. */
const PATIENCE_MS = 120_000;
const CALM_LIMIT_MS = 60_000;
/** Nothing is sent in more pieces than this: it would take too long. */
const MOST_PIECES = 60;

export class Client implements ModelEvents, StrictEvents {
  wire!: Wire;
  /** Nothing more will be done or checked here. */
  isDone = false;
  private readonly prng: Prng;
  private readonly reader = new StrictReader('response', this);
  /** Sent, not answered yet. */
  private readonly owed: Entry[] = [];
  private next = 0;
  private isSendingRequest = false;
  /** What is left of the request under way, and what waits for 100 Continue. */
  private outgoing: Buffer | null = null;
  private withheld: Buffer | null = null;
  private withheldOf: Entry | null = null;
  private sent = 0;
  private received = 0;
  private pausesLeft = 30;
  /** Octets for a tunnel that was not opened are read as a request, which they are not. */
  private sentGarbage = false;
  private pieceOctets = 0;
  private interimOf: Entry | null = null;
  private readonly current: { entry: Entry | null; content: number; isLocal: boolean } = {
    entry: null,
    content: 0,
    isLocal: false,
  };
  /** The proxy said that it closes behind the answer under way. */
  private closes = false;
  private hasEnded = false;
  private tunnel: Entry | null = null;
  private tunnelLeft = 0;
  private patience: Happening | null = null;

  constructor(
    private readonly world: World,
    readonly script: ConnectionScript,
    private readonly entries: readonly Entry[],
  ) {
    this.prng = new Prng(mix(script.seed, 5));
  }

  start(): void {
    const { agenda } = this.world;
    this.patience = agenda.after(PATIENCE_MS + this.entries.length * CALM_LIMIT_MS, () => {
      if (this.script.isCalm) throw new Violation('nothing happens any more', this.place());
      this.leave('reset');
    });
    this.sendMore();
  }

  // ---- Sending

  private sendMore(): void {
    if (this.isDone || this.hasEnded || this.isSendingRequest || this.outgoing !== null) return;
    const { script, entries, owed } = this;
    if (this.next >= entries.length) {
      if (owed.length === 0) this.finish();
      return;
    }
    if (this.closes || owed.length >= script.pipelined || this.tunnel !== null) return;
    // An offer ends what can be sent: nobody knows yet how the octets behind it are read.
    if (owed.length > 0 && owed[owed.length - 1].script.tunnel !== null) return;
    // One that asks for 100 Continue is alone on its connection, so that the answer is surely its own.
    if (owed.length > 0 && (entries[this.next].script.expects || this.interimOf !== null)) return;
    const entry = entries[this.next++];
    this.isSendingRequest = true;
    this.world.agenda.after(entry.script.thinkMs, () => {
      this.isSendingRequest = false;
      if (!this.isDone && !this.hasEnded && !this.closes) this.send(entry);
    });
  }

  private send(entry: Entry): void {
    const { script } = entry;
    const { head, content } = requestOctets(entry);
    this.owed.push(entry);
    this.reader.methods.push(script.method);
    entry.isSent = true;
    const early = script.tunnel === null ? 0 : script.tunnel.earlyUp;
    if (script.expects && script.broken === null && content.length > 0) {
      this.withheld = content;
      this.interimOf = this.withheldOf = entry;
      this.outgoing = head;
      this.world.agenda.after(CONTINUE_MS, () => {
        if (this.interimOf === entry) this.continueSending();
      });
    } else {
      this.outgoing = Buffer.concat([head, content, entry.request.take(0, early)]);
    }
    entry.tunnelUp = early;
    this.pieceOctets = Math.max(
      this.script.pieceOctets,
      Math.ceil((head.length + content.length) / MOST_PIECES),
    );
    this.sendPiece();
  }

  private continueSending(): void {
    const { withheld } = this;
    this.withheld = null;
    this.interimOf = null;
    if (withheld === null || this.isDone || this.hasEnded) return;
    const wasIdle = this.outgoing === null;
    this.outgoing = wasIdle ? withheld : Buffer.concat([this.outgoing!, withheld]);
    if (wasIdle) this.sendPiece();
  }

  private sendPiece(): void {
    const { outgoing, script } = this;
    if (outgoing === null || this.isDone || this.hasEnded) return;
    let count = Math.min(outgoing.length, this.pieceOctets);
    if (script.vanishSent >= 0) count = Math.min(count, script.vanishSent - this.sent);
    this.outgoing = count < outgoing.length ? outgoing.subarray(count) : null;
    this.sent += count;
    if (this.outgoing === null && this.withheld === null) {
      const entry = this.owed[this.owed.length - 1] as Entry | undefined;
      if (entry !== undefined) this.allSent(entry);
    }
    if (count > 0) this.wire.send(outgoing.subarray(0, count));
    if (script.vanishSent >= 0 && this.sent >= script.vanishSent) this.leave(script.vanishHow);
  }

  private allSent(entry: Entry): void {
    entry.isAllSent = true;
    const draw = mix(this.script.seed, 30, entry.script.ordinal);
    if (this.script.isCalm || draw % 12 !== 0) return;
    // Not everybody waits for an answer.
    this.world.agenda.after(draw % 1500, () => {
      if (this.owed.includes(entry)) this.leave(draw % 5 === 0 ? 'close' : 'reset');
    });
  }

  onSent(): void {
    if (this.isDone || this.hasEnded) return;
    const { script } = this;
    if (this.outgoing !== null) {
      this.world.agenda.after(script.pauseMs, () => this.sendPiece());
    } else if (this.tunnel !== null) {
      this.world.agenda.after(script.pauseMs, () => this.sendTunnel());
    } else if (this.withheld === null) {
      this.sendMore();
    }
  }

  // ---- Receiving

  onOctets(octets: Buffer): void {
    if (this.isDone) return;
    const { script, world } = this;
    this.received += octets.length;
    if (this.reader.place === 'dead') throw new Violation('octets behind the last answer', this.place());
    this.reader.feed(octets);
    if (this.isDone) return;
    if (script.vanishReceived >= 0 && this.received >= script.vanishReceived) {
      this.leave(script.vanishHow);
    } else if (script.readPauseMs > 0 && this.pausesLeft > 0 && this.prng.chance(script.readPauses)) {
      this.pausesLeft--;
      this.wire.read(false);
      world.agenda.after(script.readPauseMs, () => this.wire.read(true));
    }
  }

  onHead(head: StrictHead): void {
    const entry = this.owed[0] as Entry | undefined;
    if (this.closes) throw new Violation('an answer behind Connection: close', this.place());
    if (entry === undefined) {
      if (!this.sentGarbage || fieldOf(head, 'x-token') !== undefined || head.status < 400) {
        throw new Violation('an answer to nothing', `${this.place()} ${head.text}`);
      }
      this.closes = true;
      return;
    }
    const { script } = entry;
    const token = fieldOf(head, 'x-token');
    if (token !== undefined && token !== script.token) {
      throw new Violation('an answer to another request', `${script.token} was given ${token}`);
    }
    if (!head.text.startsWith('HTTP/1.1 ')) throw new Violation('version of an answer', head.text);
    if (head.status < 200 && head.status !== 101) {
      this.interim(entry, head);
      return;
    }
    this.interimOf = null;
    this.owed.shift();
    this.current.entry = entry;
    this.current.content = 0;
    this.current.isLocal = token === undefined;
    entry.status = head.status;
    this.world.figures.answers++;
    if (head.status === 101) {
      this.checkSwitch(entry, head);
      return;
    }
    this.closes = !head.keepsAlive || head.framing === 'close';
    if (entry.tunnelUp > 0) this.sentGarbage = true;
    if (token === undefined) this.world.checks.localAnswer(entry, head);
    else this.checkHead(entry, head);
  }

  private interim(entry: Entry, head: StrictHead): void {
    const { script } = entry;
    if (script.minorVersion === 0) throw new Violation('an interim answer to HTTP/1.0', script.token);
    if (head.status === 100) {
      if (!script.expects) throw new Violation('100 Continue unasked', script.token);
      if (this.interimOf === entry) this.continueSending();
    } else if (
      head.text !==
      `HTTP/1.1 103 Early Hints\r\nX-Token: ${script.token}\r\nLink: ${/Link: ([0-9])/.exec(head.text)?.[1]}\r\n`
    ) {
      throw new Violation('interim head', `${script.token} ${JSON.stringify(head.text)}`);
    }
  }

  private checkHead(entry: Entry, head: StrictHead): void {
    const { script } = entry;
    if (!entry.answerBegun) throw new Violation('an answer that nobody gave', script.token);
    if (script.answer.broken !== null) {
      if (script.answer.broken.inContent === true) return;
      throw new Violation('a broken head was passed on', `${script.token} ${script.answer.broken.name}`);
    }
    const expected = returnedHead(script);
    if (head.text !== `${expected}close\r\n` && head.text !== `${expected}keep-alive\r\n`) {
      throw new Violation(
        'head of an answer',
        `${JSON.stringify(head.text)} for ${JSON.stringify(expected)}`,
      );
    }
    if (script.minorVersion === 0 && head.framing === 'chunked')
      throw new Violation('chunks to HTTP/1.0', script.token);
  }

  private checkSwitch(entry: Entry, head: StrictHead): void {
    if (!entry.switched || head.text !== returnedSwitch(entry.script)) {
      throw new Violation('a switch that nobody made', `${entry.script.token} ${head.text}`);
    }
    this.tunnel = entry;
    this.world.figures.tunnels++;
    this.tunnelLeft = entry.script.tunnel!.up;
    this.world.agenda.after(0, () => this.sendTunnel());
  }

  onContent(octets: Buffer): void {
    const { current } = this;
    const { entry } = current;
    // A refusal of what was no request.
    if (entry === null) return;
    const isKnown = current.isLocal
      ? entry.status === 200 && sourceOf(entry) !== null
      : entry.script.answer.broken === null;
    if (isKnown && !entry.answer.matches(current.content, octets)) {
      throw new Violation('content of an answer', `${entry.script.token} at ${current.content}`);
    }
    current.content += octets.length;
    this.world.checks.paced(entry, current.content);
    this.world.figures.contentDown += octets.length;
  }

  onEnd(trailers: readonly string[]): void {
    const { current } = this;
    const { entry } = current;
    current.entry = null;
    if (entry === null || this.tunnel !== null) return;
    const { script } = entry;
    entry.isComplete = true;
    if (current.isLocal) {
      const source = entry.status === 200 ? sourceOf(entry) : null;
      if (source !== null) this.checkSource(entry, source);
    } else {
      const { answer } = script;
      const wanted = script.method === 'HEAD' ? 0 : answer.contentOctets;
      // What is broken behind the head of an answer to HEAD is no part of it.
      const isBare = script.method === 'HEAD' && answer.broken !== null;
      if (!isBare && (entry.answerCut || !entry.answerWhole)) {
        throw new Violation('an answer that was cut looks whole', `${script.token} after ${current.content}`);
      }
      if (current.content !== wanted) {
        throw new Violation('length of an answer', `${script.token}: ${current.content} of ${wanted}`);
      }
      const hasTrailer = answer.trailers && answer.framing === 'chunked' && script.method !== 'HEAD';
      const isKept = hasTrailer && script.minorVersion === 1;
      if (!isBare && trailers.join('|') !== (isKept ? ANSWER_TRAILER : '')) {
        throw new Violation('trailers of an answer', `${script.token} ${trailers.join('|')}`);
      }
      this.world.figures.complete++;
    }
    if (this.withheld !== null && this.withheldOf === entry && !this.closes) {
      throw new Violation('kept open though content was not sent', script.token);
    }
    if (this.closes) this.stop();
    else this.world.agenda.after(0, () => this.sendMore());
  }

  private checkSource({ script }: Entry, source: SourceScript): void {
    const { content } = this.current;
    if (script.method === 'HEAD' ? content > 0 : content !== source.octets)
      throw new Violation('length of an answer', `${script.token}: ${content} of ${source.octets}`);
    if (source.failsAt >= 0 && script.method !== 'HEAD')
      throw new Violation('an answer that was cut looks whole', `${script.token} after ${source.failsAt}`);
    this.world.figures.complete++;
  }

  onError(reason: string): void {
    throw new Violation('what the client received is not HTTP', `${this.place()} ${reason}`);
  }

  // ---- Tunnels

  private sendTunnel(): void {
    const { tunnel, script } = this;
    if (tunnel === null || this.isDone || this.hasEnded || this.wire.isSending || this.outgoing !== null)
      return;
    if (this.tunnelLeft > 0) {
      const { up } = tunnel.script.tunnel!;
      const count = Math.min(this.tunnelLeft, Math.max(script.pieceOctets, Math.ceil(up / MOST_PIECES)));
      this.tunnelLeft -= count;
      const octets = tunnel.request.take(tunnel.tunnelUp, count);
      tunnel.tunnelUp += count;
      this.wire.send(octets);
      return;
    }
    const { ender } = tunnel.script.tunnel!;
    if (ender === 'client' || ender === 'both') this.half();
    else if (ender === 'client reset') this.leave('reset');
  }

  onTunnel(octets: Buffer): void {
    const entry = this.tunnel!;
    if (!entry.answer.matches(entry.tunnelDown, octets)) {
      throw new Violation('octets of a tunnel, downstream', `${entry.script.token} at ${entry.tunnelDown}`);
    }
    entry.tunnelDown += octets.length;
    this.world.figures.tunnelOctets += octets.length;
  }

  // ---- Endings

  onPeerEnd(): void {
    const { script, tunnel } = this;
    if (tunnel !== null) {
      if (this.outgoing !== null) tunnel.tunnelUp -= this.outgoing.length;
      if (script.isCalm) this.world.checks.tunnelDown(tunnel);
      this.wire.close();
      this.done();
      return;
    }
    this.reader.ended();
    if (this.isDone) return;
    if (script.isCalm && !this.world.mayRefuse) {
      const isOwed = this.owed.length > 0 || this.isSendingRequest || this.outgoing !== null;
      if (this.current.entry !== null || (isOwed && !this.closes)) {
        throw new Violation('closed without an answer', this.place());
      }
    }
    this.wire.close();
    this.done();
  }

  onPeerReset(): void {
    this.world.figures.resetsDown++;
    const { script, tunnel } = this;
    if (script.isCalm && !this.world.mayRefuse) {
      const isOwed =
        this.owed.length > 0 || this.current.entry !== null || (tunnel !== null && !this.hasEnded);
      if (isOwed) throw new Violation('reset without a reason', this.place());
    }
    this.done();
  }

  /** The proxy closes: nothing more is sent. */
  private stop(): void {
    this.outgoing = null;
    this.half();
  }

  private half(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.wire.end();
  }

  /** Every request is answered. */
  private finish(): void {
    if (this.hasEnded) return;
    const { ending } = this.script;
    if (ending === 'half') this.half();
    else if (ending !== 'idle') this.leave(ending);
  }

  /** Leaves in the middle of whatever is under way. */
  private leave(how: ConnectionScript['vanishHow'] | 'idle'): void {
    if (this.isDone) return;
    this.world.figures.vanished++;
    this.outgoing = null;
    if (how === 'half') {
      this.half();
      return;
    }
    if (how === 'close') this.wire.close();
    else if (how === 'reset') this.wire.reset();
    // A client that stalls neither reads nor sends, and is not there to check anything.
    else this.wire.read(false);
    this.done();
  }

  private done(): void {
    if (this.isDone) return;
    this.isDone = true;
    if (this.patience !== null) this.patience.isCancelled = true;
    this.world.clientDone(this);
  }

  private place(): string {
    const owed = this.owed.map((entry) => entry.script.token).join(',');
    return `connection ${this.script.index}, under way ${this.current.entry?.script.token ?? '-'}, owed ${owed || '-'}`;
  }
}
