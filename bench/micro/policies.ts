/** Who decides in the machine suites: a policy by hand that costs nothing, and one compiled from a configuration. */
import { compileConfig } from '../../src/config/compile.js';
import { memoryFiles } from '../../src/config/files.js';
import type { Exchange } from '../../src/machine/exchange.js';
import type { DownstreamRules, Peer, PeerSource, Plan, Policy } from '../../src/machine/policy.js';
import { DOWNSTREAM_RULES, forwardPlan, peer, READING } from '../../test/machine/policies.js';
import { proxyConfiguration, type ConfigurationValues } from '../configuration.js';
import { CheckError } from '../suite.js';

/** Rules under which a connection never ends by itself. */
const ENDLESS: DownstreamRules = { ...DOWNSTREAM_RULES, keepaliveRequests: Infinity };

/** One peer, that never fails. */
class OnePeer implements PeerSource {
  constructor(private readonly peer: Peer) {}
  next(exchange: Exchange): Peer | undefined {
    return exchange.attempts.length === 0 ? this.peer : undefined;
  }
  release(): void {
    // It counts nothing.
  }
}

class BenchPolicy implements Policy {
  readonly reading = READING;
  readonly defaults = ENDLESS;
  private readonly answer: Plan = forwardPlan(new OnePeer(peer(9)), { downstream: ENDLESS });
  plan(): Plan {
    return this.answer;
  }
  failed(): undefined {
    return undefined;
  }
  finished(): void {
    // It logs nothing.
  }
  fault({ code }: { readonly code: string }): void {
    throw new CheckError(`a fault in the middle of a run: ${code}`);
  }
}

/** Everything goes to one peer: Host, Upgrade and Connection are set. */
export function policyByHand(): Policy {
  return new BenchPolicy();
}

/** The policy that the bench's configuration compiles to. @param values what is different in it */
export async function compiledPolicy(values: Partial<ConfigurationValues> = {}): Promise<Policy> {
  const path = '/bench/nginx.conf';
  const { config, errors } = await compileConfig({
    file: path,
    files: memoryFiles({ [path]: proxyConfiguration({ listen: 8080, origin: 9, ...values }) }),
    resolve: (host) => Promise.resolve([host]),
    openLog: () => ({ write: () => undefined }),
    openErrorLog: () => ({
      log: (level, text) => {
        throw new CheckError(`a log line in the middle of a run: [${level}] ${text}`);
      },
    }),
  });
  if (config === undefined) throw new CheckError(`the configuration does not compile: ${errors[0]?.message}`);
  return config.listeners[0].policy;
}
