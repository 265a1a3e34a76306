/**
 * Connections on Node's bare TCP handles, so that load and origin cost as little as JavaScript can: net.Socket takes
 * half as much again. Written apart from the product's own transport, so that a fault of one shows in the other.
 * Private parts of Node (DEP0111): tried with Node 20 to 26.
 */
import { createServer } from 'node:net';
import { getSystemErrorName } from 'node:util';
import type { Receiver, Socket } from './socket.js';

interface Handle {
  bareSocket: BareSocket | null;
  onread: (this: Handle) => void;
  useUserBuffer(buffer: Buffer): void;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: Request, octets: Uint8Array): number;
  connect(request: Request, host: string, port: number): number;
  setNoDelay(on: boolean): void;
  close(): void;
}

/** Of a write or a connect. */
interface Request {
  bareSocket: BareSocket | null;
  /** Keeps the memory alive while the write is under way. */
  octets: Uint8Array | null;
  oncomplete: (this: Request, status: number) => void;
}

interface Parts {
  readonly TCP: (new (type: number) => Handle) & { readonly prototype: Handle };
  readonly TCPConnectWrap: new () => Request;
  readonly WriteWrap: new () => Request;
  readonly state: Int32Array;
  readonly readIndex: number;
  readonly asyncIndex: number;
  readonly socketType: number;
}

const parts = loadParts();

function loadParts(): Parts {
  const { binding } = process as unknown as { binding(name: string): Record<string, never> };
  const tcp = binding('tcp_wrap') as Record<string, unknown>;
  const stream = binding('stream_wrap') as Record<string, unknown>;
  return {
    TCP: tcp.TCP,
    TCPConnectWrap: tcp.TCPConnectWrap,
    WriteWrap: stream.WriteWrap,
    state: stream.streamBaseState,
    readIndex: stream.kReadBytesOrError,
    asyncIndex: stream.kLastWriteWasAsync,
    socketType: (tcp.constants as Record<string, unknown>).SOCKET,
  } as Parts;
}

/** All connections read into this one: large enough that bulk data costs few reads. */
const READ_OCTETS = 262144;
const shared = Buffer.allocUnsafeSlow(READ_OCTETS);
const UV_EOF = -4095;

class BareSocket implements Socket {
  isBlocked = false;
  private isClosed = false;
  private closesWhenWritten = false;

  constructor(
    private readonly handle: Handle,
    private readonly receiver: Receiver,
  ) {
    handle.bareSocket = this;
  }

  /** Begins to read. */
  open(): void {
    const { handle } = this;
    handle.setNoDelay(true);
    handle.onread = onRead;
    handle.useUserBuffer(shared);
    handle.readStart();
    this.receiver.onOpen(this);
  }

  write(octets: Uint8Array): void {
    if (this.isClosed) return;
    const request = spareWrite;
    const status = this.handle.writeBuffer(request, octets);
    if (status !== 0) {
      this.fail(status);
      return;
    }
    if (parts.state[parts.asyncIndex] === 0) return;
    // This request is in use until the system has taken the rest.
    request.bareSocket = this;
    request.octets = octets;
    spareWrite = newWrite();
    this.isBlocked = true;
  }

  close(): void {
    if (this.isClosed) return;
    if (this.isBlocked) {
      this.closesWhenWritten = true;
      return;
    }
    this.isClosed = true;
    this.handle.close();
  }

  pause(): void {
    if (!this.isClosed) this.handle.readStop();
  }

  resume(): void {
    if (!this.isClosed) this.handle.readStart();
  }

  /** @internal */
  received(count: number): void {
    if (this.isClosed || count === 0) return;
    if (count > 0) this.receiver.onOctets(this, shared, count);
    else this.fail(count);
  }

  /** @internal */
  written(status: number): void {
    this.isBlocked = false;
    if (this.closesWhenWritten) this.close();
    else if (this.isClosed) return;
    else if (status !== 0) this.fail(status);
    else this.receiver.onDrain?.(this);
  }

  /** @internal */
  connected(status: number): void {
    if (this.isClosed) return;
    if (status === 0) this.open();
    else this.fail(status);
  }

  private fail(status: number): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.handle.close();
    if (!this.closesWhenWritten) this.receiver.onEnd(this, status === UV_EOF ? 'end' : nameOf(status));
  }
}

/** The request of the next write, used again as long as writes complete at once. */
let spareWrite = newWrite();

function newWrite(): Request {
  const request = new parts.WriteWrap();
  request.oncomplete = onWritten;
  request.bareSocket = null;
  return request;
}

function onRead(this: Handle): void {
  this.bareSocket?.received(parts.state[parts.readIndex]);
}

function onWritten(this: Request, status: number): void {
  this.octets = null;
  this.bareSocket?.written(status);
}

function onConnected(this: Request, status: number): void {
  this.bareSocket?.connected(status);
}

function nameOf(status: number): string {
  try {
    return getSystemErrorName(status);
  } catch {
    return `error ${status}`;
  }
}

/** Connects to 127.0.0.1. */
export function connectBare(port: number, receiver: Receiver): Socket {
  const handle = new parts.TCP(parts.socketType);
  const socket = new BareSocket(handle, receiver);
  const request = new parts.TCPConnectWrap();
  request.oncomplete = onConnected;
  request.bareSocket = socket;
  const status = handle.connect(request, '127.0.0.1', port);
  if (status !== 0) setImmediate(() => socket.connected(status));
  return socket;
}

/** Listens on a free port of 127.0.0.1 and answers it. @param accept makes who hears of each connection */
export function listenBare(accept: () => Receiver): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
      const { _handle: handle } = server as unknown as {
        _handle: { onconnection: (status: number, client: Handle) => void };
      };
      handle.onconnection = (status, client) => {
        if (status === 0) new BareSocket(client, accept()).open();
      };
      resolve((server.address() as { port: number }).port);
    });
  });
}
