/**
 * Whoever looks at exchanges: an embedder's hooks and the subscribers of the diagnostics channels. Decides in which
 * asynchronous context they run, how long they may take and what becomes of what they throw; makes a view of an exchange
 * only where somebody looks.
 */
import { AsyncResource } from 'node:async_hooks';
import type { Exchange } from '../machine/exchange.js';
import { CHANNELS, type ErrorInfo, type Hooks } from './hooks.js';
import { ProxyExchange } from './views.js';

/** What is kept of an exchange that somebody looks at. */
export class Watched {
  readonly view: ProxyExchange;
  /** The asynchronous context that hooks run in. */
  scope: AsyncResource;
  /** What a hook threw; goes with the error. */
  cause: unknown = undefined;
  /** At the switch of protocols: monotonic ms, and octets received until then. */
  switchedAt = -1;
  receivedBefore = 0;

  constructor(exchange: Exchange) {
    this.view = new ProxyExchange(exchange);
    this.scope = new AsyncResource('WIREHOP_EXCHANGE');
  }
}

/** Hooks that are told something and asked nothing. */
export type Told = Exclude<keyof Hooks, 'request' | 'response'>;

export interface ObserverOptions {
  readonly hooks: Hooks;
  readonly hookTimeoutMs: number;
  /** Every exchange is looked at, hooks or not. */
  readonly looksAtAll: boolean;
  readonly log: (level: 'error' | 'info', text: string) => void;
}

const NAMES = Object.keys(CHANNELS) as (keyof Hooks)[];
const ALL_CHANNELS = Object.values(CHANNELS);

/** What a hook that is late rejects with: not an Error, as nobody threw it. */
export const LATE = Symbol('late');

export class Observers {
  readonly hooks: Hooks;
  private readonly hasHooks: boolean;
  private readonly watched = new Map<Exchange, Watched>();

  constructor(private readonly options: ObserverOptions) {
    const { hooks, looksAtAll } = options;
    // Read once, and called as methods of what they came from: it may be an object of a class.
    this.hooks = Object.fromEntries(NAMES.map((name) => [name, hooks[name]?.bind(hooks)]));
    this.hasHooks = looksAtAll || NAMES.some((name) => hooks[name] !== undefined);
  }

  /** Whether anybody looks: asked for every event of every exchange, and all that is asked where nobody does. */
  get areThere(): boolean {
    if (this.hasHooks) return true;
    for (let i = 0; i < ALL_CHANNELS.length; i++) if (ALL_CHANNELS[i].hasSubscribers) return true;
    return false;
  }

  /** What is kept of an exchange that is not over yet, made if needed. */
  of(exchange: Exchange): Watched {
    let watched = this.watched.get(exchange);
    if (watched === undefined) this.watched.set(exchange, (watched = new Watched(exchange)));
    return watched;
  }

  /** What is kept of an exchange, if anything is. */
  find(exchange: Exchange): Watched | undefined {
    return this.watched.size === 0 ? undefined : this.watched.get(exchange);
  }

  /** The exchange is over: its heads go to another one. */
  forget(exchange: Exchange): void {
    this.watched.get(exchange)?.view.release();
    this.watched.delete(exchange);
  }

  /** Runs something of the embedder's in its exchange's asynchronous context. */
  run<T>(watched: Watched, act: () => T): T {
    return watched.scope.runInAsyncScope(act);
  }

  /** The same for the first hook: a context that it enters is the exchange's from then on. */
  runFirst<T>(watched: Watched, act: () => T): T {
    return this.run(watched, () => {
      const result = act();
      watched.scope = new AsyncResource('WIREHOP_EXCHANGE');
      return result;
    });
  }

  /** @param what what the message holds beside the exchange */
  publish(name: keyof typeof CHANNELS, watched: Watched, what: object): void {
    if (!CHANNELS[name].hasSubscribers) return;
    this.run(watched, () => CHANNELS[name].publish({ exchange: watched.view, ...what }));
  }

  /** Publishes, and calls the hook of that name. What it throws is logged. */
  tell(name: Told, exchange: Exchange, message: object, ...given: readonly unknown[]): void {
    const watched = this.of(exchange);
    this.publish(name, watched, message);
    const hook = this.hooks[name] as ((...given: unknown[]) => unknown) | undefined;
    if (hook !== undefined) this.call(name, () => this.run(watched, () => hook(...given, watched.view)));
  }

  /** Tells of an error without an exchange. */
  tellError(error: ErrorInfo): void {
    if (CHANNELS.error.hasSubscribers) CHANNELS.error.publish({ exchange: null, error });
    this.call('error', () => this.hooks.error?.(error, null));
  }

  /** Settles as `work` does, or rejects with {@link LATE} when hooks have had their time. */
  within<T>(work: PromiseLike<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(LATE), this.options.hookTimeoutMs).unref();
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  }

  private call(name: Told, hook: () => unknown): void {
    const threw = (error: unknown): void =>
      this.options.log('error', `the "${name}" hook threw: ${errorText(error)}`);
    try {
      const result = hook();
      if (isPromise(result)) Promise.resolve(result).catch(threw);
    } catch (error) {
      threw(error);
    }
  }
}

/** With its stack, where it has one. */
export function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}
