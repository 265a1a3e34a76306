/** Exchanges made by hand from the text of a head: for tests of decisions, where octets on a wire are beside the point. */
import { OctetWriter } from '../../src/bytes/octet-writer.js';
import { Attempt, Exchange } from '../../src/machine/exchange.js';
import type {
  ConnectionFacts,
  DownstreamRules,
  ForwardPlan,
  Peer,
  PoolRules,
  RespondPlan,
} from '../../src/machine/policy.js';
import { FieldEdits, type ValueSource } from '../../src/message/field-edits.js';
import { FIELD_NAMES } from '../../src/message/field-names.js';
import * as h from '../../src/message/head.js';
import type { UpstreamServer } from '../../src/proxy/balancing/peers.js';
import type { ErrorLog, LocationMatch, LocationModel, LogSink, ServerModel } from '../../src/proxy/model.js';

const METHODS: Record<string, number> = {
  GET: h.METHOD_GET,
  HEAD: h.METHOD_HEAD,
  CONNECT: h.METHOD_CONNECT,
  OPTIONS: h.METHOD_OPTIONS,
};

/** A head of LF-separated lines, without the empty one. Names are looked up now: compile what reads them first. */
function fieldsOf(text: string): h.Head {
  const head = new h.Head();
  const wire = `${text.replaceAll('\n', '\r\n')}\r\n\r\n`;
  head.octets = Buffer.from(wire, 'latin1');
  head.length = head.octets.length;
  head.startLineEnd = wire.indexOf('\r\n');
  let at = head.startLineEnd + 2;
  for (const line of text.split('\n').slice(1)) {
    const colon = line.indexOf(':');
    const value = line.slice(colon + 1).replace(/^[ \t]+/, '');
    const valueStart = at + line.length - value.length;
    const id = FIELD_NAMES.find(head.octets, at, at + colon);
    head.fields.set([at, at + colon, valueStart, at + line.length, id], head.count++ * h.FIELD_STRIDE);
    at += line.length + 2;
  }
  return head;
}

export function requestHead(text: string): h.Head {
  const head = fieldsOf(text);
  const [line] = text.split('\n');
  const [method, target = ''] = line.split(' ');
  head.method = METHODS[method] ?? h.METHOD_OTHER;
  head.methodEnd = method.length;
  head.targetStart = method.length + 1;
  head.targetEnd = head.targetStart + target.length;
  head.minorVersion = Number(line.at(-1));
  head.pathEnd = head.targetEnd;
  const absolute = /^\w+:\/\/([^/?]*)/.exec(target);
  if (target.startsWith('/')) head.pathStart = head.targetStart;
  else if (absolute !== null) head.pathStart = head.targetStart + absolute[0].length;
  else head.pathStart = head.targetEnd;
  if (absolute !== null) head.form = h.FORM_ABSOLUTE;
  else if (target === '*') head.form = h.FORM_ASTERISK;
  else if (!target.startsWith('/')) head.form = h.FORM_AUTHORITY;
  const hostField = head.findField(FIELD_NAMES.intern('host'));
  if (absolute !== null) {
    head.hostStart = head.targetStart + absolute[0].length - absolute[1].length;
    head.hostEnd = head.pathStart;
  } else if (hostField >= 0) {
    head.hostStart = head.fields[hostField * h.FIELD_STRIDE + h.VALUE_START];
    head.hostEnd = head.fields[hostField * h.FIELD_STRIDE + h.VALUE_END];
  }
  const host = head.text(head.hostStart, head.hostEnd);
  head.hostNameEnd = head.hostEnd - (/:\d+$/.exec(host)?.[0].length ?? 0);
  return head;
}

export function responseHead(text: string): h.Head {
  const head = fieldsOf(text);
  head.status = Number(text.split(' ')[1]);
  const length = /^content-length: *(\d+)$/im.exec(text);
  if (length !== null) {
    head.body = h.BODY_LENGTH;
    head.contentLength = Number(length[1]);
  }
  return head;
}

export function connection(facts: Partial<ConnectionFacts> = {}): ConnectionFacts {
  return {
    serial: 7,
    remoteAddress: '192.0.2.1',
    remotePort: 40000,
    localAddress: '127.0.0.1',
    localPort: 8080,
    secure: false,
    openedAt: 1000,
    cache: undefined,
    ...facts,
  };
}

/** An exchange of a request head; the default is a plain GET. */
export function exchangeOf(
  text = 'GET / HTTP/1.1\nHost: example.com',
  facts: Partial<ConnectionFacts> = {},
  ordinal = 1,
): Exchange {
  return new Exchange(connection(facts), requestHead(text), ordinal, 2000);
}

/** What a value lays down, as Latin-1 text. */
export function octetsOf(value: ValueSource<Exchange>, exchange: Exchange): string {
  const out = new OctetWriter();
  out.begin();
  value.put(exchange, out);
  return out.octets.toString('latin1', out.start, out.position);
}

export const DOWNSTREAM: DownstreamRules = {
  keepaliveTimeoutMs: 75000,
  keepaliveRequests: 1000,
  keepaliveTimeMs: 3600000,
  bodyTimeoutMs: 60000,
  sendTimeoutMs: 60000,
  maxContentOctets: 1048576,
  lingeringTimeMs: 30000,
  lingeringTimeoutMs: 5000,
};

export const POOL: PoolRules = { maxIdle: 0, idleTimeoutMs: 60000, maxRequests: 1000, maxAgeMs: 3600000 };

export function peer(name: string): Peer {
  const [host, port] = name.split(':');
  return { name, host, port: Number(port), path: '', pool: POOL };
}

/** A `server` of one address, with nginx's defaults. */
export function upstreamServer(name: string, parts: Partial<UpstreamServer> = {}): UpstreamServer {
  return {
    name,
    addresses: [peer(name)],
    weight: 1,
    maxFails: 1,
    failTimeoutMs: 10000,
    maxConns: 0,
    backup: false,
    down: false,
    drain: false,
    route: '',
    ...parts,
  };
}

export function attempt(
  name: string,
  numbers: Partial<Omit<Attempt, 'peer' | 'startedAt'>> = {},
  at = 2000,
): Attempt {
  return Object.assign(new Attempt(peer(name), at), numbers);
}

/** A plan that answers with a status; `content` names it in assertions. */
export function respond(status: number, edits = new FieldEdits<Exchange>([], [])): RespondPlan {
  return { kind: 'respond', downstream: DOWNSTREAM, status, edits, content: null };
}

export function forward(target: ValueSource<Exchange> | null = null): ForwardPlan {
  return {
    kind: 'forward',
    downstream: DOWNSTREAM,
    peers: { next: () => undefined, release: () => undefined },
    target,
    requestEdits: new FieldEdits<Exchange>([], []),
    responseEdits: new FieldEdits<Exchange>([], []),
    minorVersion: 1,
    connectTimeoutMs: 60000,
    sendTimeoutMs: 60000,
    readTimeoutMs: 60000,
    maxResponseHeadOctets: 4096,
    nextOn: 0,
    nextTries: 0,
    nextTimeoutMs: 0,
  };
}

/** Collects lines, of an access log and of an error log alike. */
export class Lines implements LogSink, ErrorLog {
  readonly lines: string[] = [];
  write(line: string): void {
    this.lines.push(line);
  }
  log(level: string, text: string): void {
    this.lines.push(`${level}: ${text}`);
  }
}

export function location(
  match: LocationMatch,
  pattern: string,
  parts: Partial<LocationModel> = {},
): LocationModel {
  return {
    match,
    pattern,
    action: respond(200),
    accessLogs: [],
    errorLog: new Lines(),
    downstream: DOWNSTREAM,
    locations: [],
    ...parts,
  };
}

export function server(
  names: readonly string[],
  root: Partial<LocationModel> = {},
  parts: Partial<ServerModel> = {},
): ServerModel {
  return {
    names,
    reading: { headTimeoutMs: 60000, maxLineOctets: 8192, maxHeadOctets: 32768, maxFields: 1000 },
    action: null,
    root: location('prefix', '', { action: respond(404), ...root }),
    mergeSlashes: true,
    ...parts,
  };
}
