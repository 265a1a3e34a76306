/**
 * Names asked for while the proxy runs, at name servers of one's own choice. Decides how long an answer is used again;
 * leaves to others what becomes of it. The protocol is c-ares's, by Node's own resolver.
 */
import { Resolver } from 'node:dns/promises';

/** Whom to ask, and how long to wait. */
export interface NameServiceOptions {
  /** Numeric, with ports: `192.0.2.1:53`. */
  readonly servers: readonly string[];
  /** How long an answer holds; null for as long as it says itself. */
  readonly validMs: number | null;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** Longest time for one name. */
  readonly timeoutMs: number;
}

export interface HostAnswer {
  readonly addresses: readonly string[];
  readonly validMs: number;
}

export interface ServiceRecord {
  readonly host: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

interface Kept {
  readonly answer: Promise<HostAnswer>;
  /** Monotonic ms; Infinity while the answer is on its way. */
  expiresAt: number;
}

/** A question is asked again after this. */
const RESEND_MS = 5000;
/** Names kept; those asked for longest ago make room. */
const MAX_KEPT = 1024;

/** Asks name servers, and remembers their answers for as long as they hold. */
export class DnsNameService {
  private readonly kept = new Map<string, Kept>();

  constructor(private readonly options: NameServiceOptions) {}

  /** Addresses of a host. Rejects with an error whose `code` is one of Node's DNS codes. */
  host(name: string): Promise<HostAnswer> {
    const now = performance.now();
    const known = this.kept.get(name);
    if (known !== undefined && known.expiresAt > now) return known.answer;
    const kept: Kept = { answer: this.ask(name), expiresAt: Infinity };
    this.kept.delete(name);
    this.kept.set(name, kept);
    const [oldest] = this.kept.keys();
    if (this.kept.size > MAX_KEPT) this.kept.delete(oldest);
    kept.answer.then(
      ({ validMs }) => (kept.expiresAt = performance.now() + validMs),
      () => {
        if (this.kept.get(name) === kept) this.kept.delete(name);
      },
    );
    return kept.answer;
  }

  /** SRV records. Rejects as {@link host} does. */
  async service(name: string): Promise<readonly ServiceRecord[]> {
    const records = await this.inTime((resolver) => resolver.resolveSrv(name));
    // A single "." says that there is no such service (RFC 2782).
    const given = records.filter((record) => record.name !== '.' && record.name !== '');
    return given.map((record) => ({ ...record, host: record.name }));
  }

  private async ask(name: string): Promise<HostAnswer> {
    const { ipv4, ipv6, validMs } = this.options;
    const none: { address: string; ttl: number }[] = [];
    const answers = await this.inTime((resolver) =>
      Promise.allSettled([
        ipv4 ? resolver.resolve4(name, { ttl: true }) : none,
        ipv6 ? resolver.resolve6(name, { ttl: true }) : none,
      ]),
    );
    const records = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (records.length === 0) {
      const failures = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
      // A name that has no address of one family may fail for another reason in the other: that one is told.
      throw failures.find(({ code }) => code !== 'ENODATA') ?? failures[0] ?? noData(name);
    }
    const ttlMs = Math.min(...records.map(({ ttl }) => ttl)) * 1000;
    return { addresses: records.map(({ address }) => address), validMs: validMs ?? ttlMs };
  }

  /** Asks with a resolver of its own, so that what takes too long can be called off alone. */
  private async inTime<T>(ask: (resolver: Resolver) => Promise<T>): Promise<T> {
    const { servers, timeoutMs } = this.options;
    const resolver = new Resolver({ timeout: Math.min(RESEND_MS, timeoutMs), tries: 3 });
    resolver.setServers(servers);
    const timer = setTimeout(() => resolver.cancel(), timeoutMs);
    try {
      return await ask(resolver);
    } finally {
      clearTimeout(timer);
    }
  }
}

function noData(name: string): Error {
  return Object.assign(new Error(`no address of ${name}`), { code: 'ENODATA' });
}

/** A name that is kept up to date. */
export interface Watched {
  readonly name: string;
  readonly timeoutMs: number;
  /** Asks once, and tells for how long the answer holds, in ms. */
  renew(): Promise<number>;
  /** The name does not exist any more. */
  clear(): void;
  failed(reason: string): void;
}

/** An answer is not asked for again sooner, whatever it says. */
const LEAST_MS = 1000;

/** Asks for names again whenever their answers have expired. */
export class NameWatcher {
  private readonly timers = new Map<Watched, NodeJS.Timeout>();
  private isStopped = false;

  constructor(private readonly names: readonly Watched[]) {}

  /** Asks for every name; resolves when each has its first answer, or none. Goes on asking until {@link stop}. */
  async start(): Promise<void> {
    await Promise.all(this.names.map((name) => this.renew(name)));
  }

  /** Asks no more. */
  stop(): void {
    this.isStopped = true;
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  private async renew(name: Watched): Promise<void> {
    let waitMs: number;
    try {
      waitMs = await name.renew();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
      name.failed(code);
      // Other failures say nothing about the name: its addresses stay, and it is asked for again.
      if (code === 'ENOTFOUND' || code === 'ENODATA') name.clear();
      waitMs = name.timeoutMs;
    }
    if (this.isStopped) return;
    const timer = setTimeout(() => void this.renew(name), Math.max(LEAST_MS, waitMs)).unref();
    this.timers.set(name, timer);
  }
}
