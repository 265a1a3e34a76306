/**
 * A model origin's end of one upstream connection: reads requests with the strict reader, checks every octet against
 * what the client was given to send, and answers as the request's script says.
 */
import { type Entry, fieldOf, forwardedHead, REQUEST_TRAILER, switchHead, Violation } from './ledger.js';
import { answerOctets } from './octets.js';
import { type StrictEvents, type StrictHead, StrictReader } from './strict-reader.js';
import type { ModelEvents, Wire } from './wire.js';
import type { World } from './world.js';

const MOST_PIECES = 60;
const NOT_WHOLE = 'its request was not whole';
const EXCESS_RESPONSE = Buffer.from(
  'HTTP/1.1 200 OK\r\nX-Token: excess\r\nContent-Length: 0\r\n\r\n',
  'latin1',
);
const EXCESS_GARBAGE = Buffer.from('\0excess', 'latin1');

export class Origin implements ModelEvents, StrictEvents {
  wire!: Wire;
  private readonly reader = new StrictReader('request', this);
  /** What is answered, and what is read: an answer may end first. */
  private entry: Entry | null = null;
  private reading: Entry | null = null;
  private content = 0;
  private isWhole = false;
  private isAnswering = false;
  private outgoing: Buffer | null = null;
  /** Why no further request may come on this connection, or ''. */
  private spoilt = '';
  private isGone = false;
  private pieceOctets = 0;
  private tunnel: Entry | null = null;
  private tunnelLeft = 0;
  private hasEnded = false;

  constructor(
    private readonly world: World,
    /** Name of the peer that it stands for. */
    private readonly peer: string,
  ) {}

  // ---- The request

  onOctets(octets: Buffer): void {
    if (this.isGone || (this.hasEnded && this.tunnel === null)) return;
    this.reader.feed(octets);
  }

  onHead(head: StrictHead): void {
    const entry = this.world.ledger.find(head.target);
    if (entry === undefined) throw new Violation('a request that nobody sent', `${this.peer} ${head.text}`);
    const { script } = entry;
    if (this.spoilt !== '')
      throw new Violation('a spoilt connection was used again', `${script.token}, ${this.spoilt}`);
    if (this.entry !== null) throw new Violation('a request in front of the last one’s answer', script.token);
    if (fieldOf(head, 'x-token') !== script.token)
      throw new Violation('fields of another request', head.text);
    this.world.checks.forwarded(entry, this.wire.isLetGo);
    const expected = forwardedHead(script);
    if (head.text !== expected) {
      throw new Violation(
        'head of a request',
        `${JSON.stringify(head.text)} for ${JSON.stringify(expected)}`,
      );
    }
    if (this.wire.isLetGo) {
      // Given up long ago; nobody would hear the answer.
      this.isGone = true;
      return;
    }
    this.world.figures.requests++;
    entry.attempts++;
    if (entry.attempts > 1) this.world.figures.retries++;
    entry.answerCut = false;
    entry.answerWhole = false;
    this.entry = this.reading = entry;
    this.content = 0;
    this.isWhole = false;
    this.isAnswering = false;
    this.isAnswered = false;
    const { answer } = script;
    if (answer.readStallMs > 0) {
      this.wire.read(false);
      this.world.agenda.after(answer.readStallMs, () => this.wire.read(true));
    }
    if (script.expects && script.plan !== 'old' && script.ordinal % 3 !== 0) {
      this.wire.send(Buffer.from('HTTP/1.1 100 Continue\r\n\r\n', 'latin1'));
    }
    if (answer.early === 0) this.answerSoon(entry);
  }

  onContent(octets: Buffer): void {
    if (this.isGone) return;
    const entry = this.reading!;
    const { script } = entry;
    if (script.broken?.content === undefined && !entry.request.matches(this.content, octets)) {
      throw new Violation('content of a request', `${script.token} at ${this.content}`);
    }
    this.content += octets.length;
    this.world.figures.contentUp += octets.length;
    if (script.answer.early >= 0 && this.content >= script.answer.early) this.answerSoon(entry);
  }

  onEnd(trailers: readonly string[]): void {
    if (this.isGone) return;
    const entry = this.reading!;
    const { script } = entry;
    this.isWhole = true;
    if (script.broken !== null || !entry.wholeReceived) {
      throw new Violation(
        'a request that was cut looks whole',
        `${script.token} ${script.broken?.name ?? ''}`,
      );
    }
    if (this.content !== script.contentOctets) {
      throw new Violation(
        'length of a request',
        `${script.token}: ${this.content} of ${script.contentOctets}`,
      );
    }
    const expected = script.framing === 'chunked' && script.trailers ? REQUEST_TRAILER : '';
    if (trailers.join('|') !== expected) throw new Violation('trailers of a request', script.token);
    // The answer came early, and the rest of the request was on its way already.
    if (this.spoilt === NOT_WHOLE) this.spoilt = '';
    if (this.entry === null) return;
    this.answerSoon(entry);
    if (this.isAnswered) this.settle(entry);
  }

  onError(reason: string): void {
    throw new Violation(
      'what the origin received is not HTTP',
      `${this.entry?.script.token ?? '-'} ${reason}`,
    );
  }

  // ---- The answer

  private isAnswered = false;

  private answerSoon(entry: Entry): void {
    if (this.isAnswering) return;
    this.isAnswering = true;
    this.isAnswered = false;
    this.world.agenda.after(entry.script.answer.thinkMs, () => {
      if (this.entry === entry && !this.isGone) this.answer(entry);
    });
  }

  private answer(entry: Entry): void {
    const { script } = entry;
    const { answer } = script;
    entry.answerBegun = true;
    if (script.tunnel?.accepted === true && answer.broken === null && this.reader.place === 'held') {
      this.switchProtocols(entry);
      return;
    }
    this.reader.resume(false);
    let octets = answerOctets(entry);
    const isCut = answer.cutAt >= 0 && answer.cutAt < octets.length && !(answer.heals && entry.attempts > 1);
    if (isCut) octets = octets.subarray(0, answer.cutAt);
    entry.answerCut =
      isCut || (answer.broken !== null && !(answer.broken.inContent === true && script.method === 'HEAD'));
    if (entry.answerCut) this.spoilt = 'its answer was broken';
    this.outgoing = octets;
    this.pieceOctets = Math.max(answer.pieceOctets, Math.ceil(octets.length / MOST_PIECES));
    if (octets.length === 0) this.answered(entry);
    else this.sendPiece();
  }

  private sendPiece(): void {
    const { entry, outgoing } = this;
    if (entry === null || outgoing === null || this.isGone) return;
    const { answer } = entry.script;
    let count = Math.min(outgoing.length, this.pieceOctets);
    // What comes together with octets that nobody asked for has to fit into one read.
    if (answer.excess !== '' && count === outgoing.length && count > 500) count -= 300;
    const isLast = count === outgoing.length;
    this.outgoing = isLast ? null : outgoing.subarray(count);
    let piece = outgoing.subarray(0, count);
    const isExcess = isLast && answer.excess !== '' && !entry.answerCut;
    if (isExcess) {
      this.spoilt = 'it sent octets that nobody asked for';
      piece = Buffer.concat([piece, answer.excess === 'response' ? EXCESS_RESPONSE : EXCESS_GARBAGE]);
    }
    if (isLast && !entry.answerCut) entry.answerWhole = true;
    this.wire.send(piece, isExcess);
  }

  onSent(): void {
    const { entry, tunnel } = this;
    if (this.isGone) return;
    if (tunnel !== null) {
      this.world.agenda.after(tunnel.script.answer.pauseMs, () => this.sendTunnel());
    } else if (entry !== null && this.outgoing !== null) {
      this.world.agenda.after(entry.script.answer.pauseMs, () => this.sendPiece());
    } else if (
      entry !== null &&
      entry.answerBegun &&
      this.isAnswering &&
      !this.isAnswered &&
      (entry.answerWhole || entry.answerCut)
    ) {
      this.answered(entry);
    }
  }

  /** All that will be sent was taken by the system. */
  private answered(entry: Entry): void {
    const { script } = entry;
    const { answer } = script;
    this.isAnswered = true;
    if (entry.answerCut) {
      this.entry = null;
      if (answer.cutHow === 'reset') this.leave('reset');
      else if (answer.cutHow === 'end' || answer.broken !== null) this.leave('close');
      return;
    }
    if (!this.isWhole) this.spoilt = NOT_WHOLE;
    if (answer.closes || answer.framing === 'close') {
      this.spoilt = 'it said that it closes';
      // A good origin whose answer came early goes on reading, or its answer could be lost in a reset.
      if (!this.isWhole && entry.connection.isCalm) this.half();
      else this.leave('close');
      this.entry = null;
      return;
    }
    if (this.isWhole) this.settle(entry);
  }

  /** Request and answer are whole. */
  private settle(entry: Entry): void {
    this.entry = null;
    const { idleCloseMs } = entry.script.answer;
    if (idleCloseMs < 0) return;
    this.world.agenda.after(idleCloseMs, () => {
      if (this.entry === null && this.spoilt === '') this.leave('close');
    });
  }

  // ---- Tunnels

  private switchProtocols(entry: Entry): void {
    const { script } = entry;
    const tunnel = script.tunnel!;
    this.reader.resume(true);
    entry.switched = true;
    this.entry = null;
    this.tunnel = entry;
    this.spoilt = 'it became a tunnel';
    entry.tunnelDown = 0;
    this.sentDown = tunnel.earlyDown;
    this.tunnelLeft = tunnel.down;
    const head = Buffer.from(`${switchHead(script)}\r\n`, 'latin1');
    this.wire.send(Buffer.concat([head, entry.answer.take(0, tunnel.earlyDown)]));
  }
  private sentDown = 0;
  private receivedUp = 0;

  private sendTunnel(): void {
    const { tunnel } = this;
    if (tunnel === null || this.isGone || this.hasEnded || this.wire.isSending) return;
    const script = tunnel.script.tunnel!;
    if (this.tunnelLeft > 0) {
      const { pieceOctets } = tunnel.script.answer;
      const count = Math.min(this.tunnelLeft, Math.max(pieceOctets, Math.ceil(script.down / MOST_PIECES)));
      this.tunnelLeft -= count;
      const octets = tunnel.answer.take(this.sentDown, count);
      this.sentDown += count;
      this.wire.send(octets);
      return;
    }
    if (script.ender === 'origin' || script.ender === 'both') this.half();
    else if (script.ender === 'origin reset') this.leave('reset');
    else if (this.peerHasEnded) this.half();
  }
  private peerHasEnded = false;

  onTunnel(octets: Buffer): void {
    const entry = this.tunnel!;
    if (!entry.request.matches(this.receivedUp, octets)) {
      throw new Violation('octets of a tunnel, upstream', `${entry.script.token} at ${this.receivedUp}`);
    }
    this.receivedUp += octets.length;
    this.world.figures.tunnelOctets += octets.length;
  }

  // ---- Endings

  onPeerEnd(): void {
    if (this.isGone) return;
    const { tunnel } = this;
    if (tunnel !== null) {
      if (tunnel.connection.isCalm && tunnel.tunnelUp !== this.receivedUp && !this.world.mayRefuse) {
        throw new Violation(
          'octets of a tunnel are missing, upstream',
          `${tunnel.script.token}: ${this.receivedUp} of ${tunnel.tunnelUp}`,
        );
      }
      this.peerHasEnded = true;
      this.sendTunnel();
      return;
    }
    this.leave('close');
  }

  onPeerReset(): void {
    this.world.figures.resetsUp++;
    this.isGone = true;
  }

  private half(): void {
    this.hasEnded = true;
    this.wire.end();
  }

  private leave(how: 'close' | 'reset'): void {
    if (this.isGone) return;
    this.isGone = true;
    if (how === 'reset') this.wire.reset();
    else this.wire.close();
  }
}
