/**
 * What one set of options comes to: its policies and its upstreams, in force until the next reload.
 */
import type { Driver } from '../driver/driver.js';
import { NameWatcher } from '../driver/name-service.js';
import type { Exchange } from '../machine/exchange.js';
import { ConfigDecider, FunctionDecider, TableDecider } from './deciders.js';
import { errorText } from './observers.js';
import type { ProxyOptions } from './options.js';
import { Planner } from './plans.js';
import { type Decider, EmbedPolicy, type Joiner } from './policy.js';
import { Upstreams } from './upstreams.js';
import { OptionsError } from './validate.js';
import type { ProxyExchange } from './views.js';

const HOOK_TIMEOUT_MS = 10_000;

export class Generation {
  private readonly policies: readonly EmbedPolicy[];
  private readonly upstreams: Upstreams;
  private readonly names: NameWatcher | null = null;

  /** @param options checked. @throws OptionsError for what only shows when it is put together */
  constructor(
    readonly options: ProxyOptions,
    private readonly driver: Driver,
  ) {
    const log = (level: 'error' | 'info', text: string): void => options.onLog?.(level, text);
    this.upstreams = new Upstreams(
      (text) => log('error', text),
      (rules) => driver.retirePool(rules),
    );
    if (options.config !== undefined) options.config.compiled.figures.source = () => driver.figures();
    if (options.config !== undefined) this.names = new NameWatcher(options.config.compiled.names);
    const viewOf = (exchange: Exchange): ProxyExchange => this.policies[0].viewOf(exchange);
    const planner = new Planner(options, this.upstreams, viewOf, (error) =>
      log('error', `a field's function threw: ${errorText(error)}`),
    );
    const joiner: Joiner = {
      decide: (exchange, plan) => driver.decide(exchange, plan),
      reviewed: (exchange, attempt, review) => driver.reviewed(exchange, attempt, review),
      now: () => performance.now(),
    };
    this.policies = this.deciders(planner).map(
      (decider) =>
        new EmbedPolicy({
          decider,
          hooks: options.hooks ?? {},
          hookTimeoutMs: options.hookTimeoutMs ?? HOOK_TIMEOUT_MS,
          joiner,
          log,
        }),
    );
    void this.names?.start();
  }

  /** The policy of a configured listener; without a configuration there is one for all. */
  policy(listener: number): EmbedPolicy {
    return this.policies[listener] ?? this.policies[0];
  }

  /** Asks name servers no more. */
  stop(): void {
    this.names?.stop();
  }

  /** It is in force no longer. */
  retire(): void {
    this.stop();
    for (const policy of this.policies) this.driver.retire(policy);
    this.upstreams.retire();
  }

  private deciders(planner: Planner): Decider[] {
    const { options } = this;
    const { upstream, routes, config, onLog, onAccess } = options;
    if (config !== undefined) {
      const isOurs = config.claim({
        log: (level, text) => onLog?.(level, text),
        access: (path, line) => onAccess?.(path, line),
      });
      if (!isOurs) throw new OptionsError('options.config', 'runs in another proxy: load it once for each');
      return config.compiled.listeners.map(({ policy }) => new ConfigDecider(policy, planner));
    }
    if (upstream !== undefined) return [new TableDecider(options, planner, [{ upstream }])];
    if (typeof routes === 'function') return [new FunctionDecider(options, planner, routes)];
    return [new TableDecider(options, planner, routes!)];
  }
}
