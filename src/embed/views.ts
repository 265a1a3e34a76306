/**
 * What hooks and route functions see of an exchange: its heads as objects, and who takes part. Made only where somebody
 * looks. A head's octets belong to the machine, which uses them again: what is read later than the `finished` hook
 * throws, and never shows another exchange's.
 */
import type { Exchange } from '../machine/exchange.js';
import type { ConnectionFacts, Plan } from '../machine/policy.js';
import { listMembers } from '../message/connection-field.js';
import { ConstantValue } from '../message/field-edits.js';
import { UPGRADE } from '../message/field-names.js';
import { type Head, OPTION_UPGRADE } from '../message/head.js';
import { Fields } from './fields.js';

/** Who is connected. */
export interface ConnectionInfo {
  /** Serial number, unique among the connections of one proxy. */
  readonly serial: number;
  /** Numeric address, or `unix:`. */
  readonly remoteAddress: string;
  /** 0 for a unix socket. */
  readonly remotePort: number;
  /** Numeric address, or `unix:PATH`. */
  readonly localAddress: string;
  /** 0 for a unix socket. */
  readonly localPort: number;
  /** It came in over TLS. */
  readonly secure: boolean;
}

/** A request head. Texts are Latin-1, as received: a target is not decoded. */
export class RequestHead {
  /** Its field lines, to read and to edit. */
  readonly fields: Fields;
  /** As spelt: methods are case-sensitive. */
  readonly method: string;
  /** The version that the downstream side speaks. */
  readonly httpVersion: '1.0' | '1.1';
  /** The name that the request is for, in lower case and without port; '' for an HTTP/1.0 request that names none. */
  readonly host: string;
  private readonly received: string;
  private replacement: string | null = null;
  private readonly offers: readonly string[];

  /** @internal */
  constructor(head: Head) {
    this.fields = new Fields(head, true);
    this.method = head.text(0, head.methodEnd);
    this.httpVersion = head.minorVersion === 1 ? '1.1' : '1.0';
    this.host = head.text(head.hostStart, head.hostNameEnd).toLowerCase();
    this.received = head.text(head.targetStart, head.targetEnd);
    const isOffer = (head.connection & OPTION_UPGRADE) !== 0 && head.minorVersion === 1;
    this.offers = isOffer && head.upgradeField >= 0 ? listMembers(head.joinedText(UPGRADE)) : [];
  }

  /** Path and query, in absolute-form with scheme and authority before them. Set it to send another one upstream. */
  get target(): string {
    return this.replacement ?? this.received;
  }

  /** @throws TypeError for what is no path with an optional query */
  set target(target: string) {
    // SP and controls would end the target; the head writer encodes them, but nobody means them.
    if (!/^(\/|\*$)[\x21-\x7e\x80-\xff]*$/.test(target)) {
      throw new TypeError(
        `${JSON.stringify(target)} is not a request target: it begins with "/" and holds no white space`,
      );
    }
    this.replacement = target;
  }

  /** The target's path, without query. */
  get path(): string {
    const path = this.target.replace(/^[a-z]+:\/\/[^/?]*/i, '');
    const query = path.indexOf('?');
    return (query < 0 ? path : path.slice(0, query)) || '/';
  }

  /** The target's query without its "?"; '' where there is none. */
  get query(): string {
    const query = this.target.indexOf('?');
    return query < 0 ? '' : this.target.slice(query + 1);
  }

  /** Protocols that the request offers to switch to, in lower case: `['websocket']`; mostly empty. */
  get protocols(): readonly string[] {
    return this.offers;
  }

  /** @internal The plan with the edits made here; the same one where there are none. */
  amend(plan: Plan): Plan {
    if (plan.kind !== 'forward') return plan;
    const requestEdits = this.fields.over(plan.requestEdits);
    if (requestEdits === null && this.replacement === null) return plan;
    const target = this.replacement === null ? plan.target : new ConstantValue(this.replacement);
    return { ...plan, requestEdits: requestEdits ?? plan.requestEdits, target };
  }
}

/** An upstream's final response head. */
export class ResponseHead {
  /** Its field lines, to read and to edit. */
  readonly fields: Fields;
  /** From 200 on, or 101. */
  readonly status: number;
  /** The reason phrase, as received; often ''. */
  readonly reason: string;
  /** The version that the upstream side speaks. */
  readonly httpVersion: '1.0' | '1.1';

  /** @internal */
  constructor(head: Head) {
    this.fields = new Fields(head, false);
    this.status = head.status;
    this.reason = head.text(head.reasonStart, head.reasonEnd);
    this.httpVersion = head.minorVersion === 1 ? '1.1' : '1.0';
  }
}

/** The facts alone: what else a driver keeps with them is its own. */
function connectionInfo(facts: ConnectionFacts): ConnectionInfo {
  const { serial, remoteAddress, remotePort, secure } = facts;
  return {
    serial,
    remoteAddress,
    remotePort,
    secure,
    // Asked of the system only when somebody wants to know.
    get localAddress() {
      return facts.localAddress;
    },
    get localPort() {
      return facts.localPort;
    },
  };
}

/** One request and what becomes of it. */
export class ProxyExchange {
  /** The connection that the request came in on. */
  readonly connection: ConnectionInfo;
  /** Number of this request on its connection, from 1. */
  readonly ordinal: number;
  /** Its request. */
  readonly request: RequestHead;
  /** null before a final response head has come. */
  response: ResponseHead | null = null;
  /** Free for whoever embeds the proxy. */
  readonly locals: Record<string, unknown> = {};

  /** @internal */
  constructor(private readonly exchange: Exchange) {
    this.connection = connectionInfo(exchange.connection);
    this.ordinal = exchange.ordinal;
    this.request = new RequestHead(exchange.request);
  }

  /** Address of the server that is tried, or was last; null before. */
  get upstream(): string | null {
    return this.exchange.attempt?.peer.name ?? null;
  }

  /** Status sent downstream; 0 before. */
  get status(): number {
    return this.exchange.status;
  }

  /** @internal */
  release(): void {
    this.request.fields.release();
    this.response?.fields.release();
  }
}
