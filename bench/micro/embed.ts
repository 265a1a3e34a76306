/**
 * What embedding adds to the machine: the same exchange and the same tunnel message by a bare policy, by an embedded
 * proxy's with hooks and channels off, and with them on. Time and allocation of each stand side by side.
 */
import { channel } from 'node:diagnostics_channel';
import { Driver } from '../../src/driver/driver.js';
import { Generation } from '../../src/embed/generation.js';
import type { Hooks } from '../../src/embed/hooks.js';
import type { ProxyOptions } from '../../src/embed/options.js';
import { DOWNSTREAM, UPSTREAM } from '../../src/machine/effects.js';
import type { Exchange } from '../../src/machine/exchange.js';
import type { DownstreamRules, Decision, Plan, Policy, ReadingRules } from '../../src/machine/policy.js';
import { BROWSER_REQUEST, CONTENT, PLAIN_RESPONSE, SWITCH_RESPONSE, UPGRADE_REQUEST } from '../fixtures.js';
import { check, checkSame, type Case, type Skipped, type Suite } from '../suite.js';
import { MemoryPump } from './memory-pump.js';

const RESPONSE = Buffer.concat([PLAIN_RESPONSE.octets, CONTENT]);
const MESSAGE = Buffer.alloc(64, 'a message ');
const UPSTREAM_URL = 'http://127.0.0.1:9';

const noop = (): undefined => undefined;
/** Every hook, doing nothing. */
const HOOKS: Hooks = {
  request: noop,
  upstream: noop,
  response: noop,
  switched: noop,
  tunnelClosed: noop,
  finished: noop,
  error: noop,
};

/** The policy that a proxy with these options has. */
export function embeddedPolicy(options: Partial<ProxyOptions> = {}): Policy {
  return new Generation({ upstream: UPSTREAM_URL, ...options }, new Driver()).policy(0);
}

/** The plan of an embedded proxy and nothing around it: what embedding is compared with. */
class BarePolicy implements Policy {
  readonly reading: ReadingRules;
  readonly defaults: DownstreamRules;
  private made: Decision | undefined;

  constructor(private readonly embedded: Policy) {
    this.reading = embedded.reading;
    this.defaults = embedded.defaults;
  }
  plan(exchange: Exchange, now: number): Decision | undefined {
    return (this.made ??= this.embedded.plan(exchange, now));
  }
  failed(): undefined {
    return undefined;
  }
  finished(): void {
    // Nobody is told.
  }
  fault(): void {
    // Nobody is told.
  }
}

export const EMBED_SUBJECTS: readonly (readonly [subject: string, policy: () => Policy])[] = [
  ['bare policy', () => new BarePolicy(embeddedPolicy())],
  ['embedded, hooks off', () => embeddedPolicy()],
  ['embedded, every hook on', () => embeddedPolicy({ hooks: HOOKS })],
];

/** A connection that never ends by itself. */
function endless(policy: Policy): Policy {
  const rules = { ...policy.defaults, keepaliveRequests: Infinity };
  const plans = new Map<Plan, Plan>();
  const lasting = (plan: Decision | undefined): Plan | undefined => {
    if (plan === undefined || plan.kind === 'ask') return undefined;
    let one = plans.get(plan);
    if (one === undefined) {
      one = { ...plan, downstream: rules };
      // A plan that was amended for one exchange is not met again.
      if (plans.size < 2) plans.set(plan, one);
    }
    return one;
  };
  const { plan } = policy;
  policy.plan = (exchange, now) => lasting(plan.call(policy, exchange, now));
  return policy;
}

export function exchangeRun(policy: Policy): () => void {
  const pump = new MemoryPump(endless(policy));
  const run = (): void => {
    pump.receive(DOWNSTREAM, BROWSER_REQUEST.octets);
    pump.receive(UPSTREAM, RESPONSE);
  };
  const [down, up] = pump.keep(run);
  check('embed: the request went up', up.startsWith('GET /news/index.html HTTP/1.1\r\n'));
  check('embed: the forwarded fields are set', up.includes('\r\nX-Forwarded-For: 192.0.2.60\r\n'));
  check('embed: the answer came down', down.endsWith(`\r\n\r\n${CONTENT.toString('latin1')}`));
  return run;
}

export function messageRun(policy: Policy): () => void {
  const pump = new MemoryPump(policy);
  const [down] = pump.keep(() => {
    pump.receive(DOWNSTREAM, UPGRADE_REQUEST);
    pump.receive(UPSTREAM, SWITCH_RESPONSE);
  });
  check('embed: protocols are switched', down.startsWith('HTTP/1.1 101 '));
  const run = (): void => pump.receive(DOWNSTREAM, MESSAGE);
  checkSame('embed: a message passes', pump.keep(run), ['', MESSAGE.toString('latin1')]);
  return run;
}

/** Somebody listens on a channel from here on, until the answer is called. */
export function subscribeToFinished(): () => void {
  const finished = channel('wirehop:finished');
  finished.subscribe(noop);
  return () => void finished.unsubscribe(noop);
}

export const EMBED_SUITE: Suite = {
  name: 'embed',
  about: 'what hooks cost an exchange and a tunnel message, off and on',
  cases(): Promise<{ cases: Case[]; skipped: Skipped[] }> {
    const cases: Case[] = [];
    for (const [subject, policy] of EMBED_SUBJECTS) {
      cases.push({ group: 'embedded HTTP exchange, 14 fields, 12 B', subject, run: exchangeRun(policy()) });
      cases.push({ group: 'embedded tunnel message, 64 B', subject, run: messageRun(policy()) });
    }
    return Promise.resolve({ cases, skipped: [] });
  },
};
