/**
 * The transport over Node's bare TCP and pipe handles: what `net.Socket` is made of, without its streams. Decides how
 * reads and writes become system calls with as little JavaScript as possible; knows no HTTP.
 *
 * These parts are private to Node (DEP0111) and are used in this file alone. handle-trial.ts tries them out
 * before anyone relies on them.
 *
 * The technique: all connections read into one shared buffer. What must go on is laid down in the pump's OctetWriter
 * and written from a view that is cached by its length. A write nearly always completes at once; one that does not
 * keeps its octets, and the connection that they came from is not read meanwhile. A connection that fills the shared
 * buffer reads into a large buffer of its own from then on, and is written from it without a copy, until it calms down.
 */
import net from 'node:net';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import type { OctetWriter } from '../bytes/octet-writer.js';
import type { Peer } from '../machine/policy.js';
import type { DialSocket } from '../machine/security.js';
import { listenOn } from './net-transport.js';
import {
  KEEPALIVE_PROBE_S,
  type Address,
  type BoundSocket,
  type DialEvents,
  Endpoint,
  FLUSH_TIMEOUT_MS,
  type Listener,
  type Network,
  NO_DELAY_WRITE,
  plainAddress,
  type Transport,
  type TransportEvents,
} from './transport.js';

// ---- The private parts, as far as they are used

interface AddressRecord {
  address?: string;
  family?: string;
  port?: number;
}

interface WriteRequest {
  oncomplete: ((this: WriteRequest, status: number) => void) | null;
  transport: HandleTransport | null;
  /** Keeps the memory alive while the write is under way. */
  octets: Uint8Array | readonly Uint8Array[] | null;
  count: number;
  source: PrivateBuffer | null;
}

interface ConnectRequest {
  oncomplete: ((this: ConnectRequest, status: number) => void) | null;
  transport: HandleTransport | null;
}

interface Handle {
  transport: HandleTransport | null;
  onread: (this: Handle, arrayBuffer: unknown) => Buffer | undefined;
  useUserBuffer(buffer: Buffer): void;
  readStart(): number;
  readStop(): number;
  /** Octets of writes under way that the system has not taken. */
  readonly writeQueueSize: number;
  writeBuffer(request: WriteRequest, octets: Uint8Array): number;
  writev(request: WriteRequest, chunks: readonly Uint8Array[], allBuffers: boolean): number;
  shutdown(request: object): number;
  close(callback?: () => void): void;
  reset?(callback?: () => void): number;
  setNoDelay?(on: boolean): void;
  /** @param delay seconds */
  setKeepAlive?(on: boolean, delay: number): void;
  bind?(address: string, port: number): number;
  bind6?(address: string, port: number, flags: number): number;
  getpeername?(record: AddressRecord): number;
  getsockname?(record: AddressRecord): number;
  connect(request: ConnectRequest, host: string, port?: number): number;
  connect6?(request: ConnectRequest, host: string, port: number): number;
}

interface Bindings {
  readonly TCP: new (type: number) => Handle;
  readonly Pipe: new (type: number) => Handle;
  readonly TCPConnectWrap: new () => ConnectRequest;
  readonly PipeConnectWrap: new () => ConnectRequest;
  readonly WriteWrap: new () => WriteRequest;
  readonly ShutdownWrap: new () => object;
  readonly state: Int32Array;
  readonly kRead: number;
  readonly kAsync: number;
  readonly tcpSocket: number;
  readonly pipeSocket: number;
}

/** Throws when this Node does not have them. */
function loadBindings(): Bindings {
  const binding = (process as unknown as { binding(name: string): Record<string, never> }).binding;
  const tcp = binding('tcp_wrap') as Record<string, unknown>;
  const pipe = binding('pipe_wrap') as Record<string, unknown>;
  const stream = binding('stream_wrap') as Record<string, unknown>;
  const bindings = {
    TCP: tcp.TCP,
    Pipe: pipe.Pipe,
    TCPConnectWrap: tcp.TCPConnectWrap,
    PipeConnectWrap: pipe.PipeConnectWrap,
    WriteWrap: stream.WriteWrap,
    ShutdownWrap: stream.ShutdownWrap,
    state: stream.streamBaseState,
    kRead: stream.kReadBytesOrError,
    kAsync: stream.kLastWriteWasAsync,
    tcpSocket: (tcp.constants as Record<string, unknown> | undefined)?.SOCKET,
    pipeSocket: (pipe.constants as Record<string, unknown> | undefined)?.SOCKET,
  };
  for (const [name, value] of Object.entries(bindings)) {
    if (value === undefined) throw new Error(`this Node has no ${name}`);
  }
  return bindings as unknown as Bindings;
}

let bindings: Bindings;

// ---- Buffers

/** The global, not an import of node:process: that would open stdin, stdout and stderr. */
const ON_LINUX = process.platform === 'linux';

/** Every connection reads into this one, until it shows that it needs more. */
const SHARED_OCTETS = 65536;
const shared = Buffer.allocUnsafeSlow(SHARED_OCTETS);

/** A read buffer of one connection, for as long as it moves much. */
class PrivateBuffer {
  readonly octets = Buffer.allocUnsafeSlow(PRIVATE_OCTETS);
  /** Writes under way with its octets. */
  pending = 0;
  /** Who reads into it. */
  holder: HandleTransport | null = null;
}

/** Larger saves system calls on bulk data; 1 MB saves few more, and takes four times the memory. */
const PRIVATE_OCTETS = 262144;
/** Reads in a row below SHARED_OCTETS after which a connection goes back to the shared buffer. */
const CALM_READS = 16;
/** Private buffers kept for the next connection that needs one. */
const MAX_SPARE_BUFFERS = 16;
const spareBuffers: PrivateBuffer[] = [];
/** Private buffers at once, 16 MB together: stalled readers of long answers would hold one each. */
const MAX_PRIVATE_BUFFERS = 64;
/** All but the spare ones, longest in use first. */
const usedBuffers = new Set<PrivateBuffer>();

/** A buffer for `holder`, if need be taken from a connection that holds one without a write under way; or null. */
function takeBuffer(holder: HandleTransport): PrivateBuffer | null {
  let buffer = spareBuffers.pop() ?? null;
  if (buffer === null && usedBuffers.size < MAX_PRIVATE_BUFFERS) buffer = new PrivateBuffer();
  if (buffer === null) {
    for (const used of usedBuffers) {
      if (used.pending > 0 || used.holder === null) continue;
      used.holder.yieldBuffer();
      buffer = spareBuffers.pop() ?? null;
      break;
    }
    if (buffer === null) return null;
  }
  buffer.holder = holder;
  usedBuffers.add(buffer);
  return buffer;
}

/** Keeps a buffer that nobody needs any more, or leaves it to the collector. */
function giveBuffer(buffer: PrivateBuffer): void {
  if (buffer.holder !== null || buffer.pending > 0) return;
  usedBuffers.delete(buffer);
  if (spareBuffers.length < MAX_SPARE_BUFFERS) spareBuffers.push(buffer);
}

/** Views of one place in a slab, by length: most writes begin at the writer's base and are short. */
const CACHED_VIEW_OCTETS = 2048;
let viewedSlab: Buffer = shared;
let viewedStart = 0;
let views: (Uint8Array | undefined)[] = [];
/**
 * Longer views of the same place that were used last, one for each value of the length's low bits: messages of a kind
 * come in few lengths, and those of the two directions differ by the octets of a masking key.
 */
const LONG_VIEWS = 32;
let longViews: (Uint8Array | undefined)[] = [];

/** @param base where writes usually begin in `buffer` */
function viewOf(buffer: Buffer, start: number, end: number, base: number): Uint8Array {
  const length = end - start;
  if (start !== base) return new Uint8Array(buffer.buffer, buffer.byteOffset + start, length);
  if (viewedSlab !== buffer || viewedStart !== start) {
    viewedSlab = buffer;
    viewedStart = start;
    views = new Array<Uint8Array | undefined>(CACHED_VIEW_OCTETS + 1).fill(undefined);
    longViews = new Array<Uint8Array | undefined>(LONG_VIEWS).fill(undefined);
  }
  if (length <= CACHED_VIEW_OCTETS)
    return (views[length] ??= new Uint8Array(buffer.buffer, buffer.byteOffset + start, length));
  const view = longViews[length & (LONG_VIEWS - 1)];
  if (view?.length === length) return view;
  return (longViews[length & (LONG_VIEWS - 1)] = new Uint8Array(
    buffer.buffer,
    buffer.byteOffset + start,
    length,
  ));
}

/** Views of what was read into the shared buffer, by length: a chunk that is all its buffer is copied without a view. */
const chunks = new Array<Buffer | undefined>(CACHED_VIEW_OCTETS + 1).fill(undefined);
/** As {@link longViews}. */
const longChunks = new Array<Buffer>(LONG_VIEWS).fill(shared);

function chunkOf(length: number): Buffer {
  if (length <= CACHED_VIEW_OCTETS) return (chunks[length] ??= shared.subarray(0, length));
  const chunk = longChunks[length & (LONG_VIEWS - 1)];
  return chunk.length === length
    ? chunk
    : (longChunks[length & (LONG_VIEWS - 1)] = shared.subarray(0, length));
}

/** UV_EOF: the peer ended its half. */
const EOF = -4095;
const EPIPE = -constants.errno.EPIPE;
const ECONNRESET = -constants.errno.ECONNRESET;
/** Where Node puts a peer's address: used again, as properties that are there already are cheap to set. */
const PEER: AddressRecord = { address: '', family: '', port: 0 };

// ---- One connection

export class HandleTransport implements Transport {
  readonly ownsChunks = false;
  readonly keepsLent = true;
  owner: unknown = null;
  isBlocked = false;
  waitingOctets = 0;
  private isReading = false;
  private isGone = false;
  /** Our half is ended. */
  private hasEnded = false;
  /** A write failed: nothing more is written. */
  private isDeaf = false;
  /** Close as soon as the last write is done. */
  private closesWhenWritten = false;
  /** Told once when a connection that closes after its last write is gone. */
  private whenGone: (() => void) | null = null;
  /** What of the writes under way waited when last looked at. */
  private queueSeen = 0;
  private flushTimer: NodeJS.Timeout | undefined;
  private buffer: PrivateBuffer | null = null;
  private calmReads = 0;
  /** Spans that wait for the last one of their write. */
  private gathered: Uint8Array[] | null = null;
  /** The system probes it once it is connected. */
  private keepsAlive = false;
  /** Writes until TCP_NODELAY is set; 0: it is, or need not be. See {@link NO_DELAY_WRITE}. */
  private untilNoDelay = 0;

  /** @param out where octets of a shared buffer are laid down before they are written */
  constructor(
    private readonly handle: Handle,
    public events: TransportEvents,
    private readonly out: OctetWriter,
  ) {
    handle.transport = this;
  }

  /** Prepares to read. */
  begin(): void {
    const { handle } = this;
    handle.onread = onRead;
    handle.useUserBuffer(shared);
  }

  write(buffer: Buffer, start: number, end: number, hasMore: boolean): void {
    if (this.isGone || this.isDeaf) return;
    if (this.untilNoDelay !== 0 && --this.untilNoDelay === 0) this.handle.setNoDelay!(true);
    let view: Uint8Array;
    if (buffer === lent) {
      // The next read would overwrite these: lay them down where they may stay.
      const { out } = this;
      out.begin();
      out.put(buffer, start, end);
      view = viewOf(out.octets, out.start, out.position, out.base);
    } else {
      view = viewOf(buffer, start, end, this.out.base);
    }
    if (hasMore) {
      (this.gathered ??= []).push(view);
      return;
    }
    const request = writeRequest;
    const { handle, gathered } = this;
    let error: number;
    if (gathered === null) {
      error = handle.writeBuffer(request, view);
      request.octets = view;
      request.count = view.length;
    } else {
      gathered.push(view);
      this.gathered = null;
      error = handle.writev(request, gathered, true);
      request.octets = gathered;
      request.count = 0;
      for (const one of gathered) request.count += one.length;
    }
    if (error !== 0) {
      request.octets = null;
      this.writeFailed(error);
      return;
    }
    if (bindings.state[bindings.kAsync] === 0) {
      request.octets = null;
      return;
    }
    // The request belongs to this write now. Octets of a private buffer stay where they are until it is done.
    request.transport = this;
    const source = privateSource;
    if (source !== null && buffer === source.octets) {
      request.source = source;
      source.pending++;
    }
    writeRequest = newWriteRequest();
    this.waitingOctets += request.count;
    this.isBlocked = true;
    this.queueSeen = handle.writeQueueSize;
  }

  hasProgressed(): boolean {
    const before = this.queueSeen;
    this.queueSeen = this.handle.writeQueueSize;
    return this.queueSeen < before;
  }

  read(wanted: boolean): void {
    if (wanted === this.isReading || this.isGone) return;
    if (!wanted && this.isDeaf) {
      this.failLater(EPIPE);
      return;
    }
    this.isReading = wanted;
    if (!wanted) {
      this.handle.readStop();
      return;
    }
    if (this.buffer !== null && this.buffer.pending > 0) {
      // Its octets are still being written for somebody else.
      this.yieldBuffer();
    }
    const error = this.handle.readStart();
    if (error !== 0) this.failLater(error);
  }

  end(): void {
    if (this.isGone) return;
    this.hasEnded = true;
    // Without a callback: a shutdown that fails shows itself in the next read or write.
    this.handle.shutdown(new bindings.ShutdownWrap());
  }

  close(flushMs = FLUSH_TIMEOUT_MS, whenGone?: () => void): void {
    if (this.isGone || this.waitingOctets === 0) {
      this.destroy(false);
      whenGone?.();
      return;
    }
    if (this.isReading) this.handle.readStop();
    if (this.buffer !== null) this.yieldBuffer();
    this.isGone = true;
    this.events = NO_EVENTS;
    this.closesWhenWritten = true;
    this.whenGone = whenGone ?? null;
    this.watchFlush(flushMs);
  }

  /** A peer that stopped reading must not keep the connection for ever. */
  private watchFlush(flushMs: number): void {
    const look = (): void => {
      if (this.hasProgressed()) this.watchFlush(flushMs);
      else this.closeHandle();
    };
    this.flushTimer = setTimeout(look, flushMs).unref();
  }

  destroy(reset: boolean): void {
    if (this.closesWhenWritten) this.closeHandle();
    // A failure that has not been told yet is of no interest any more.
    this.events = NO_EVENTS;
    if (this.isGone) return;
    this.isGone = true;
    if (reset && this.handle.reset !== undefined && this.handle.reset() === 0) this.forget();
    else this.closeHandle();
  }

  private closeHandle(): void {
    clearTimeout(this.flushTimer);
    this.closesWhenWritten = false;
    this.handle.close();
    this.forget();
    const { whenGone } = this;
    this.whenGone = null;
    whenGone?.();
  }

  private forget(): void {
    this.isGone = true;
    this.releaseBuffer();
    this.events = NO_EVENTS;
    this.owner = null;
  }

  /**
   * The peer takes nothing any more. What it sent before may still wait to be read, an early answer for one: reading
   * goes on and will end by itself. Where nothing is read the failure is told now.
   */
  private writeFailed(error: number): void {
    this.isDeaf = true;
    if (!this.isReading) this.failLater(error);
  }

  /** A call failed. The owner hears of it from the event loop, as of every other event. */
  private failLater(error: number): void {
    if (this.isGone) return;
    this.isGone = true;
    setImmediate(() => this.fail(error));
  }

  private fail(error: number): void {
    const { events } = this;
    this.isGone = true;
    this.closeHandleQuietly();
    events.onFailure(this, systemErrorName(error));
  }

  /**
   * Whether the end that was reported is a reset in truth: libuv reports one that comes together with the last octets
   * as an end, right behind them. A connection whose peer only ended its half still knows its peer, one that was reset
   * does not. The system is asked only where no other connection was read between the octets and the end.
   */
  private get wasReset(): boolean {
    const { handle } = this;
    const isRightBehind = lastRead === handle;
    lastRead = null;
    if (!isRightBehind || this.hasEnded || handle.getpeername === undefined) return false;
    return handle.getpeername(PEER) !== 0;
  }

  private closeHandleQuietly(): void {
    clearTimeout(this.flushTimer);
    this.handle.close();
    this.releaseBuffer();
  }

  /** @internal octets came, or an error. Answers the buffer to read into from now on. */
  received(count: number): Buffer | undefined {
    if (count <= 0) {
      if (count === 0 || this.isGone) return undefined;
      this.isReading = false;
      if (count !== EOF) this.fail(count);
      else if (this.wasReset) this.fail(ECONNRESET);
      else this.events.onEnd(this);
      return undefined;
    }
    if (this.isGone) return undefined;
    lastRead = this.handle;
    const { buffer } = this;
    if (buffer === null) {
      lent = chunkOf(count);
      this.events.onChunk(this, lent, 0, count);
      lent = null;
      // A full read: more is waiting, and one buffer for all would be copied over and over.
      if (count < SHARED_OCTETS || this.isGone) return undefined;
      this.buffer = takeBuffer(this);
      this.calmReads = 0;
      return this.buffer?.octets;
    }
    privateSource = buffer;
    this.events.onChunk(this, buffer.octets, 0, count);
    privateSource = null;
    this.calmReads = count < SHARED_OCTETS ? this.calmReads + 1 : 0;
    if (this.isGone || this.buffer !== buffer) return undefined;
    // Octets that wait must not be read over. Where reading has stopped, it goes on in another buffer; here it has not,
    // because the octets are the end of an answer, and the connection is kept for others meanwhile.
    const isInTheWay = buffer.pending > 0 && this.isReading;
    if (!isInTheWay && (this.calmReads < CALM_READS || buffer.pending > 0)) return undefined;
    this.releaseBuffer();
    return shared;
  }

  /** @internal a write that had to wait is done. */
  written(request: WriteRequest, status: number): void {
    const { source } = request;
    this.waitingOctets -= request.count;
    request.octets = request.source = request.transport = null;
    if (source !== null) {
      source.pending--;
      giveBuffer(source);
    }
    if (this.closesWhenWritten) {
      if (this.waitingOctets === 0 || status !== 0) this.closeHandle();
      return;
    }
    if (this.isGone) return;
    if (status !== 0) {
      this.writeFailed(status);
    } else if (this.waitingOctets === 0) {
      this.isBlocked = false;
      this.events.onDrain(this);
    }
  }

  /** @internal the connect has its outcome. */
  connected(status: number): void {
    if (this.isGone) return;
    if (status !== 0) {
      this.fail(status);
      return;
    }
    if (this.handle.setNoDelay !== undefined) this.untilNoDelay = NO_DELAY_WRITE;
    if (this.keepsAlive) this.handle.setKeepAlive?.(true, KEEPALIVE_PROBE_S);
    (this.events as DialEvents).onConnect(this);
  }

  /** @internal Goes back to the shared buffer. Not while octets are handed out. */
  yieldBuffer(): void {
    this.handle.useUserBuffer(shared);
    this.releaseBuffer();
  }

  private releaseBuffer(): void {
    const { buffer } = this;
    this.buffer = null;
    if (buffer === null) return;
    buffer.holder = null;
    giveBuffer(buffer);
  }

  /** @internal Begins to connect; the outcome comes through {@link connected}. */
  connect(peer: Peer, socket: DialSocket | undefined): void {
    const { handle } = this;
    const isPipe = peer.path !== '';
    const unbound = socket === undefined || isPipe ? 0 : this.prepare(socket);
    if (unbound !== 0) {
      this.failLater(unbound);
      return;
    }
    const request = isPipe ? new bindings.PipeConnectWrap() : new bindings.TCPConnectWrap();
    request.oncomplete = onConnected;
    request.transport = this;
    let error: number;
    if (isPipe) error = handle.connect(request, peer.path);
    else if (isIPv6(peer.host)) error = handle.connect6!(request, peer.host, peer.port);
    else error = handle.connect(request, peer.host, peer.port);
    if (error !== 0) {
      this.failLater(error);
      return;
    }
    // Wished for now, reading begins with the connection: the system is told of both with one call instead of three.
    this.begin();
    this.isReading = handle.readStart() === 0;
  }

  /** Binds the socket where it is to come from. Answers 0, or the number of the system's error. */
  private prepare({ localAddress, localPort, keepsAlive }: DialSocket): number {
    this.keepsAlive = keepsAlive;
    if (localAddress === '') return 0;
    const { handle } = this;
    return isIPv6(localAddress)
      ? handle.bind6!(localAddress, localPort, 0)
      : handle.bind!(localAddress, localPort);
  }
}

/** Whose octets were received last. */
let lastRead: Handle | null = null;

/** @param address numeric */
function isIPv6(address: string): boolean {
  // The first colon stands behind four digits at most; cheaper than a search through the whole of an IPv4 address.
  for (let i = 0; i < 5; i++) if (address.charCodeAt(i) === COLON) return true;
  return false;
}

const COLON = 0x3a;

/** The chunk of the shared buffer that is being handed out, if any: a write must not keep its octets. */
let lent: Buffer | null = null;

/** The private buffer whose octets are being handed out, if any: a write that waits with them must hold it. */
let privateSource: PrivateBuffer | null = null;

/** The request of the next write; it is used again as long as writes complete at once. */
let writeRequest: WriteRequest;

function newWriteRequest(): WriteRequest {
  const request = new bindings.WriteWrap();
  request.oncomplete = onWritten;
  request.transport = null;
  request.octets = null;
  request.count = 0;
  request.source = null;
  return request;
}

function onWritten(this: WriteRequest, status: number): void {
  this.transport?.written(this, status);
}

function onConnected(this: ConnectRequest, status: number): void {
  this.transport?.connected(status);
}

function onRead(this: Handle): Buffer | undefined {
  return this.transport?.received(bindings.state[bindings.kRead]);
}

function ignore(): void {
  // Nobody is there to be told.
}

function systemErrorName(error: number): string {
  try {
    return getSystemErrorName(error);
  } catch {
    return `error ${error}`;
  }
}

const NO_EVENTS: TransportEvents = { onChunk: ignore, onEnd: ignore, onFailure: ignore, onDrain: ignore };

// ---- The network

/** What a handle knows of its addresses. */
class HandleEndpoint extends Endpoint {
  readonly remoteAddress: string;
  readonly remotePort: number;
  private local: AddressRecord | null = null;

  /** @param path of the unix socket that it came in through, '' for any other */
  constructor(
    private readonly handle: Handle,
    private readonly path: string,
  ) {
    super();
    const isUnix = handle.getpeername === undefined;
    this.hasPeer = isUnix || handle.getpeername!(PEER) === 0;
    if (!isUnix && this.hasPeer) {
      this.remoteAddress = plainAddress(PEER.address) ?? 'unix:';
      this.remotePort = PEER.port ?? 0;
    } else {
      this.remoteAddress = 'unix:';
      this.remotePort = 0;
    }
  }

  get localAddress(): string {
    return plainAddress(this.localRecord.address) ?? `unix:${this.path}`;
  }

  get localPort(): number {
    return this.localRecord.port ?? 0;
  }

  private get localRecord(): AddressRecord {
    if (this.local === null) {
      this.local = {};
      this.handle.getsockname?.(this.local);
    }
    return this.local;
  }
}

/** Bare handles. `out` must be the pump's. */
class HandleNetwork implements Network {
  constructor(private readonly out: OctetWriter) {}

  async listen(
    address: Address,
    accept: (transport: Transport, endpoint: Endpoint) => void,
    onError: (code: string) => void,
    socket?: BoundSocket,
  ): Promise<Listener> {
    const server = net.createServer();
    const listener = await listenOn(server, address, onError, socket);
    const { out } = this;
    const { _handle: handle } = server as unknown as {
      _handle: {
        onconnection: (error: number, client: Handle) => void;
        setNoDelay?(on: boolean): number;
        setKeepAlive?(on: boolean, delayS: number): number;
      };
    };
    const path = 'path' in address ? address.path : '';
    const keepAliveS = 'path' in address ? 0 : (address.keepAliveS ?? 0);
    const inheritsProbes = keepAliveS > 0 && ON_LINUX && handle.setKeepAlive?.(true, keepAliveS) === 0;
    // What is accepted inherits it on Linux, which saves a call for every connection.
    const inherits = ON_LINUX && handle.setNoDelay?.(true) === 0;
    handle.onconnection = (error, client) => {
      if (error !== 0) {
        onError(systemErrorName(error));
        return;
      }
      if (!inherits) client.setNoDelay?.(true);
      if (keepAliveS > 0 && !inheritsProbes) client.setKeepAlive?.(true, keepAliveS);
      const transport = new HandleTransport(client, NO_EVENTS, out);
      transport.begin();
      accept(transport, new HandleEndpoint(client, path));
    };
    return listener;
  }

  connect(peer: Peer, events: DialEvents, socket?: DialSocket): Transport {
    const handle =
      peer.path === '' ? new bindings.TCP(bindings.tcpSocket) : new bindings.Pipe(bindings.pipeSocket);
    const transport = new HandleTransport(handle, events, this.out);
    transport.connect(peer, socket);
    return transport;
  }
}

/** Makes a network of bare handles. `out` must be the pump's. Throws when this Node lacks a part. */
export function handleNetwork(out: OctetWriter): Network {
  bindings ??= loadBindings();
  writeRequest ??= newWriteRequest();
  return new HandleNetwork(out);
}
