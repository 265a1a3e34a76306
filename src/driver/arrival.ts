/**
 * A connection that was accepted and has not come to its first request: a PROXY header, then a TLS handshake, as the
 * listener has it. Decides which server's TLS is spoken and when a connection is given up; what it holds when it has
 * arrived is handed on untouched.
 */
import type { TLSSocket } from 'node:tls';
import { type ErrorCode, Fault } from '../error.js';
import type { Policy } from '../machine/policy.js';
import type { ArrivalRules, ServerSecurity } from '../machine/security.js';
import {
  PROXY_COMPLETE,
  PROXY_REFUSED,
  type ProxyHeader,
  ProxyHeaderReader,
} from '../wire/proxy-protocol/reader.js';
import {
  HELLO_CLEAR,
  HELLO_MORE,
  LARGEST_HELLO_OCTETS,
  readClientHello,
  UNRECOGNIZED_NAME,
} from '../wire/tls/client-hello.js';
import { NetTransport } from './net-transport.js';
import { serveSecurely } from './tls-arrival.js';
import { tlsFacts } from './tls-facts.js';
import { failureText } from './tls-failure.js';
import { type Endpoint, NO_EVENTS, type Transport, type TransportEvents } from './transport.js';
import { WheelEntry } from './wheel.js';

/** What the driver does for arrivals. */
export interface ArrivalHost {
  /** The connection has arrived; chunk[start, end) came with it, and is good until the call returns. */
  arrived(arrival: Arrival, transport: Transport, chunk: Buffer, start: number, end: number): void;
  /** The connection is over before it arrived. */
  lost(arrival: Arrival): void;
}

const NOTHING: Buffer = Buffer.alloc(0);

export class Arrival extends WheelEntry implements TransportEvents {
  /** No octet has come. */
  isSilent = true;
  private stage: 'header' | 'hello' | 'handshake' | 'over';
  /** What came so far, of the stage under way. */
  private held: Buffer = NOTHING;
  private tlsSocket: TLSSocket | null = null;

  constructor(
    private readonly host: ArrivalHost,
    private readonly transport: Transport,
    readonly endpoint: Endpoint,
    readonly policy: Policy,
    private readonly rules: ArrivalRules,
  ) {
    super();
    this.stage = rules.expectsProxyHeader ? 'header' : 'hello';
    transport.owner = this;
    transport.events = this;
  }

  /** Monotonic ms by which it must have arrived. */
  get deadline(): number {
    return this.endpoint.openedAt + this.rules.timeoutMs;
  }

  // ---- Events of the connection in the clear

  onChunk(_transport: Transport, chunk: Buffer, start: number, end: number): void {
    this.isSilent = false;
    if (this.held.length === 0) {
      this.read(chunk, start, end, false);
      return;
    }
    const all = Buffer.concat([this.held, chunk.subarray(start, end)]);
    this.read(all, 0, all.length, true);
  }

  onEnd(): void {
    this.giveUp(this.stage === 'header' ? 'PROXY_HEADER_INVALID' : 'TLS_ABANDONED', this.shown());
  }

  onFailure(_transport: Transport, detail: string): void {
    this.giveUp(this.stage === 'header' ? 'PROXY_HEADER_INVALID' : 'TLS_ABANDONED', detail);
  }

  onDrain(): void {
    // Nothing waits to be written.
  }

  override due(now: number): void {
    if (now < this.deadline) return;
    this.giveUp(this.stage === 'header' ? 'PROXY_HEADER_TIMEOUT' : 'TLS_HANDSHAKE_TIMEOUT', '');
  }

  /** Ends it without a word: there is no room, or no time. */
  drop(): void {
    if (this.stage === 'over') return;
    this.stage = 'over';
    this.close();
  }

  // ---- Stages

  /** @param isOwn the octets may be kept as they are */
  private read(chunk: Buffer, start: number, end: number, isOwn: boolean): void {
    let at = start;
    if (this.stage === 'header') {
      const reader = new ProxyHeaderReader();
      const answer = reader.read(chunk, start, end);
      if (answer === PROXY_REFUSED) {
        this.held = chunk.subarray(start, end);
        this.giveUp('PROXY_HEADER_INVALID', this.shown());
        return;
      }
      if (answer !== PROXY_COMPLETE) return this.hold(chunk, start, end, isOwn);
      at += reader.length;
      this.endpoint.proxied = reader.header as ProxyHeader;
      this.held = NOTHING;
      this.stage = 'hello';
    }
    const { security } = this.rules;
    if (security === undefined) this.finish(this.transport, chunk, at, end);
    else this.readHello(security, chunk, at, end, isOwn);
  }

  private readHello(
    security: NonNullable<ArrivalRules['security']>,
    chunk: Buffer,
    at: number,
    end: number,
    isOwn: boolean,
  ): void {
    const { outcome, serverName } = readClientHello(chunk, at, end);
    if (outcome === HELLO_MORE && end - at < LARGEST_HELLO_OCTETS) return this.hold(chunk, at, end, isOwn);
    if (outcome === HELLO_CLEAR) return this.finish(this.transport, chunk, at, end);
    const chosen = security(serverName);
    if (chosen !== null) {
      this.shake(chosen, isOwn ? chunk.subarray(at, end) : Buffer.from(chunk.subarray(at, end)));
      return;
    }
    this.transport.write(UNRECOGNIZED_NAME, 0, UNRECOGNIZED_NAME.length, false);
    this.giveUp('TLS_NAME_REJECTED', serverName);
  }

  private shake(security: ServerSecurity, octets: Buffer): void {
    this.held = NOTHING;
    if (!(this.transport instanceof NetTransport)) {
      // The listener was opened for a policy without TLS.
      this.giveUp('TLS_HANDSHAKE', 'the listener has bare handles');
      return;
    }
    this.stage = 'handshake';
    const carrier = this.transport.release();
    carrier.unshift(octets);
    const socket = serveSecurely(carrier, security);
    this.tlsSocket = socket;
    socket.on('error', (error: NodeJS.ErrnoException) => this.failed(failureText(error)));
    socket.on('close', () => this.failed(''));
    // It may be half-closed, so an end is no close.
    socket.on('end', () => this.failed(''));
    socket.once('secure', () => {
      if (this.stage !== 'handshake') return;
      const { endpoint } = this;
      endpoint.secure = true;
      endpoint.tls = tlsFacts(socket, security.maxVerifyDepth);
      this.finish(new NetTransport(socket, NO_EVENTS, false, carrier), NOTHING, 0, 0);
    });
  }

  private failed(detail: string): void {
    // An error is followed by a close; and a socket that has arrived has listeners of its own.
    if (this.stage !== 'handshake') return;
    const isPeers = detail === '' || detail === 'ECONNRESET' || detail === 'EPIPE';
    this.giveUp(isPeers ? 'TLS_ABANDONED' : 'TLS_HANDSHAKE', detail);
  }

  private finish(transport: Transport, chunk: Buffer, start: number, end: number): void {
    this.stage = 'over';
    this.host.arrived(this, transport, chunk, start, end);
  }

  private hold(chunk: Buffer, start: number, end: number, isOwn: boolean): void {
    const rest = chunk.subarray(start, end);
    this.held = isOwn || this.transport.ownsChunks ? rest : Buffer.from(rest);
  }

  // ---- Ends

  private giveUp(code: ErrorCode, detail: string): void {
    if (this.stage === 'over') return;
    this.stage = 'over';
    this.policy.fault(new Fault(code, 'downstream', -1, detail), null, this.endpoint);
    this.close();
  }

  private close(): void {
    if (this.tlsSocket === null) this.transport.close();
    else this.tlsSocket.destroy();
    this.host.lost(this);
  }

  /** The octets that should have been a header, for the log. */
  private shown(): string {
    return this.stage === 'header' ? this.held.toString('latin1', 0, Math.min(this.held.length, 107)) : '';
  }
}
