/**
 * A proxy that other code owns: a driver and a policy, joined. Decides when connections begin and end; what is said on
 * them is the machine's, and where they go the policy's. Writes no file and handles no signal.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Driver, type DriverCounters } from '../driver/driver.js';
import { NetTransport, SocketEndpoint } from '../driver/net-transport.js';
import { StreamEndpoint, type StreamFacts, StreamTransport } from '../driver/stream-transport.js';
import { type BoundAddress, type Endpoint, NO_EVENTS, type Transport } from '../driver/transport.js';
import { checkOptions } from './checks.js';
import { Generation } from './generation.js';
import { headText } from './heads.js';
import type { ProxyOptions } from './options.js';
import { OptionsError } from './validate.js';
import { relay, type WebOptions } from './web.js';

/** Where to listen. */
export type ListenOptions =
  | {
      /** 0 takes a free one. */
      readonly port: number;
      /** Numeric address. Default 127.0.0.1. */
      readonly host?: string;
      /** Connections that wait to be accepted. Default 511. */
      readonly backlog?: number;
    }
  | {
      /** Path of a unix socket. */
      readonly path: string;
      /** Connections that wait to be accepted. Default 511. */
      readonly backlog?: number;
    };

/** Where it listens. */
export interface ListenAddress {
  /** `http://127.0.0.1:8080`, or `unix:/path`. */
  readonly url: string;
  /** '' for a unix socket. */
  readonly host: string;
  /** 0 for a unix socket. */
  readonly port: number;
  /** Path of the unix socket, or ''. */
  readonly path: string;
}

/** How a proxy ends. */
export interface CloseOptions {
  /** For how long exchanges and tunnels may go on; what is left then is ended. Default 0: now. */
  readonly graceMs?: number;
}

/** A reverse proxy inside another program. Its methods may be called from anywhere, hooks included. */
export class Proxy {
  private readonly driver: Driver;
  private generation: Generation;
  /** Set by the first close. */
  private ending: Promise<void> | null = null;

  /** @internal Use {@link createProxy}. */
  constructor(options: ProxyOptions) {
    checkOptions(options);
    this.driver = new Driver({
      workerConnections:
        options.config?.compiled.main.workerConnections ?? options.limits?.connections ?? MOST_CONNECTIONS,
      transport: options.transport ?? 'net',
      onNotice: (level, text) => this.generation.options.onLog?.(level, text),
    });
    this.generation = new Generation(options, this.driver);
  }

  // ---- Connections of its own

  /**
   * Accepts connections. With `config` they belong to its first listener's servers, wherever they come in.
   * @param where a port of 127.0.0.1, 0 for a free one; or more
   * @returns where it listens, as soon as it does. Rejects with the system's error, such as EADDRINUSE.
   */
  async listen(where: number | ListenOptions): Promise<ListenAddress> {
    const address = typeof where === 'number' ? { port: where } : where;
    const full = 'path' in address ? address : { ...address, host: address.host ?? '127.0.0.1' };
    return listenAddress(await this.driver.listen(full, () => this.generation.policy(0)));
  }

  /**
   * Accepts connections wherever `config` says, and nowhere if one of its addresses cannot be bound.
   * @throws Error (as a rejection): the system's, or that there is no configuration
   */
  async listenConfigured(): Promise<ListenAddress[]> {
    const { config } = this.generation.options;
    if (config === undefined) throw new Error('listenConfigured() needs "options.config": call listen(port)');
    const bound: BoundAddress[] = [];
    try {
      for (const [i, { address }] of config.compiled.listeners.entries()) {
        bound.push(await this.driver.listen(address, () => this.generation.policy(i)));
      }
    } catch (error) {
      for (const one of bound) this.driver.stopListening(one);
      throw error;
    }
    return bound.map(listenAddress);
  }

  // ---- Connections and requests of others

  /**
   * Serves a connection that was accepted elsewhere, from its first octet to its last: a socket of `node:net` or
   * `node:tls`, or any other Duplex. It belongs to the proxy from here on, errors included.
   * @param facts what a stream that is no socket does not know of itself, or knows wrongly behind another proxy
   */
  handleConnection(socket: Duplex, facts?: StreamFacts): void {
    if (this.refuses(socket)) return;
    const [transport, endpoint] = wrap(socket, facts);
    const { generation } = this;
    process.nextTick(() => this.driver.serve(transport, endpoint, generation.policy(0)));
  }

  /**
   * Takes over a request that an `http.Server` handed out with `upgrade` (or `connect`), in place of http-proxy's `ws()`:
   * `server.on('upgrade', proxy.upgrade)`. The socket belongs to the proxy from here on, errors included; behind an
   * answer that switches nothing it is closed.
   * @param head the octets behind the request head that have been read
   */
  readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array = NO_OCTETS): void => {
    if (this.refuses(socket)) return;
    let octets: Buffer;
    try {
      octets = Buffer.concat([Buffer.from(headText(request), 'latin1'), head]);
    } catch (error) {
      socket.on('error', () => undefined).destroy();
      throw error;
    }
    // What a server set for its own requests does not hold for a tunnel.
    if (socket instanceof Socket) socket.setTimeout(0).setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    const [transport, endpoint] = wrap(socket);
    const { generation } = this;
    process.nextTick(() => this.driver.serveOne(transport, endpoint, generation.policy(0), octets));
  };

  /**
   * Answers a request of an `http.Server`, Express, Fastify, Koa, Vite or Next, in place of http-proxy's `web()`:
   * `app.use(proxy.web)`. The answer goes through `response`, and the connection stays the server's.
   * @throws TypeError if the request's content has been read by somebody else and is not in `options`
   */
  readonly web = (
    request: IncomingMessage,
    response: ServerResponse,
    options?: WebOptions | unknown,
  ): void => {
    const { generation, driver } = this;
    // Frameworks pass their next() here.
    const settings = typeof options === 'object' && options !== null ? (options as WebOptions) : {};
    relay(request, response, settings, (transport, endpoint, octets) => {
      if (this.ending !== null) transport.destroy(false);
      else driver.serveOne(transport, endpoint, generation.policy(0), octets);
    });
  };

  // ---- Life

  /**
   * Puts other options in force: new connections get them at once. Connections under the old ones end behind the answer
   * under way, idle ones as soon as no request can be on its way; tunnels go on. Addresses that the proxy listens at stay. `transport` and `limits` cannot
   * change.
   * @throws OptionsError; then the old options stay in force
   */
  reload(options: ProxyOptions): void {
    checkOptions(options);
    for (const key of ['transport', 'limits'] as const) {
      if (JSON.stringify(options[key]) !== JSON.stringify(this.generation.options[key])) {
        throw new OptionsError(`options.${key}`, 'cannot change while the proxy runs');
      }
    }
    const old = this.generation;
    this.generation = new Generation(options, this.driver);
    setImmediate(() => old.retire());
  }

  /** Figures of this moment. */
  get counters(): Readonly<DriverCounters> {
    return this.driver.counters;
  }

  /**
   * Stops accepting. Idle connections close at once, answers under way say that theirs does; what is left when `graceMs`
   * is over is ended. Resolves when nothing is open any more. Another call may shorten the time.
   */
  async close({ graceMs = 0 }: CloseOptions = {}): Promise<void> {
    // Not from inside a hook, whose machine is at work.
    await new Promise(setImmediate);
    this.ending ??= this.driver.drain();
    if (graceMs > 0) {
      let timer: NodeJS.Timeout | undefined;
      const over = new Promise((resolve) => (timer = setTimeout(resolve, graceMs)));
      await Promise.race([this.ending, over]);
      clearTimeout(timer);
    }
    this.generation.stop();
    await this.driver.close();
  }

  /** As {@link close} without grace: `await using proxy = createProxy(...)`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A closed proxy serves nobody. */
  private refuses(socket: Duplex): boolean {
    if (this.ending === null && !socket.destroyed) return false;
    socket.on('error', () => undefined).destroy();
    return true;
  }
}

/**
 * Makes a proxy. It does nothing until it is given something to do: it listens when told to, and the parser is compiled
 * with the first connection.
 * @throws OptionsError that names the option: `options.routes[1].upstream: ...`
 */
export function createProxy(options: ProxyOptions): Proxy {
  return new Proxy(options);
}

const MOST_CONNECTIONS = 16_384;
const NO_OCTETS = new Uint8Array(0);
/** Idle time after which TCP asks whether the peer is still there. */
const KEEP_ALIVE_MS = 60_000;

function wrap(socket: Duplex, facts?: StreamFacts): [Transport, Endpoint] {
  // A tls.TLSSocket is a net.Socket, too.
  if (!(socket instanceof Socket)) {
    return [
      new StreamTransport(socket, NO_EVENTS),
      new StreamEndpoint({ ...(socket as StreamFacts), ...facts }),
    ];
  }
  socket.allowHalfOpen = true;
  const endpoint = new SocketEndpoint(socket);
  if (facts === undefined) return [new NetTransport(socket, NO_EVENTS), endpoint];
  const { remoteAddress, remotePort, localAddress, localPort, secure } = endpoint;
  const known = { remoteAddress, remotePort, localAddress, localPort, secure };
  const told = new StreamEndpoint({ ...known, ...facts });
  told.tls = endpoint.tls;
  told.hasPeer = endpoint.hasPeer || facts.remoteAddress !== undefined;
  return [new NetTransport(socket, NO_EVENTS), told];
}

function listenAddress(bound: BoundAddress): ListenAddress {
  if ('path' in bound) return { url: `unix:${bound.path}`, host: '', port: 0, path: bound.path };
  const { host, port } = bound;
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`, host, port, path: '' };
}
