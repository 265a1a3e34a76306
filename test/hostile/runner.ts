/**
 * Runs a case against a proxy and judges what came of it.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Expected, HostileCase } from './corpus.js';
import { isCanary, type Origin, type OriginConnection } from './origin.js';
import { carryOut, inSlot, pathOf, pause, poll, type Step, stepsInSlot } from './steps.js';
import { members, type Message, type Reading, readResponses, values } from './strict.js';

/** How long a case may take to come to what it is expected to. */
const CASE_LIMIT_MS = 5000;
/** Longest silence after which a case that comes to something else is over; below the proxy's own timeouts. */
const SETTLED_MS = 1200;
/** How long it is watched for more than that. */
const WATCH_MS = 40;
let canaries = 0;

/** What came of a case. */
export interface Outcome {
  readonly received: string;
  readonly end: 'open' | 'fin' | 'reset';
  readonly responses: Reading;
  readonly connections: readonly OriginConnection[];
  /** Why the canary is dead, or ''. */
  readonly canary: string;
}

/** The attacker's connection. */
export class Client {
  received = '';
  end: Outcome['end'] = 'open';
  lastEventAt = Date.now();
  readonly socket: Socket;

  constructor(port: number) {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.socket = socket;
    const note = (): number => (this.lastEventAt = Date.now());
    socket.on('data', (octets) => {
      this.received += octets.toString('latin1');
      note();
    });
    socket.on('end', () => {
      this.end = 'fin';
      note();
    });
    socket.on('error', () => {
      // After the proxy's end our own writes may be answered by a reset, which says nothing more.
      if (this.end === 'open') this.end = 'reset';
      note();
    });
  }
}

export function listed<T>(one: T | readonly T[]): readonly T[] {
  return Array.isArray(one) ? (one as readonly T[]) : [one as T];
}

export async function runCase(
  port: number,
  origin: Origin,
  slot: number,
  given: HostileCase,
): Promise<Outcome> {
  const answers = listed<Step | readonly Step[]>(given.origin ?? []);
  const scripts =
    answers.length > 0 && Array.isArray(answers[0]) ? answers : answers.length > 0 ? [answers] : [];
  origin.behave(slot, { answers: scripts as Step[][], greeting: given.greeting ?? [] });
  const client = new Client(port);
  const steps = stepsInSlot(listed(given.client), slot);
  const observe = (): Outcome => ({
    received: client.received,
    end: client.end,
    responses: readResponses(client.received, given.methods ?? [], client.end === 'fin'),
    connections: origin.of(slot),
    canary: '',
  });
  const expected = listed(given.expect);
  const isDone = (): boolean => {
    const outcome = observe();
    return expected.some((one) => complaints(one, outcome, slot).length === 0);
  };
  const sending = carryOut(client.socket, steps, () => client.received);
  const begun = Date.now();
  await sending;
  await poll(() => {
    const now = Date.now();
    return (
      isDone() ||
      now - begun > CASE_LIMIT_MS ||
      (given.isSlow !== true && now - client.lastEventAt > SETTLED_MS)
    );
  }, CASE_LIMIT_MS);
  await pause(WATCH_MS);
  // While the attacker's connection is still there: what it left in the proxy's connections would meet this one.
  const canary = given.skipsCanary === true ? '' : await sendCanary(port, slot);
  const outcome = { ...observe(), canary };
  client.socket.destroy();
  return outcome;
}

/** Another client's request: it must get the answer to that very request. */
async function sendCanary(port: number, slot: number): Promise<string> {
  const target = `${pathOf(slot)}canary?${++canaries}`;
  const client = new Client(port);
  const whole = `[GET ${target} 0]`;
  client.socket.write(`GET ${target} HTTP/1.1\r\nHost: canary\r\nConnection: close\r\n\r\n`);
  await poll(() => client.end !== 'open', CASE_LIMIT_MS);
  client.socket.destroy();
  const { messages, error, end } = readResponses(client.received, [], client.end === 'fin');
  const isGood =
    error === null &&
    end === client.received.length &&
    messages.length === 1 &&
    messages[0].content === whole;
  return isGood ? '' : `the canary got ${JSON.stringify(client.received.slice(0, 400))} (${client.end})`;
}

/** What is wrong with an outcome, if this was expected. */
export function complaints(expected: Expected, outcome: Outcome, slot: number): string[] {
  const found: string[] = [];
  const { responses, received, end, connections } = outcome;
  const statuses = responses.messages.map((message) => message.status);
  const say = (isWrong: boolean, text: () => string): void => {
    if (isWrong) found.push(text());
  };
  say(statuses.join() !== expected.statuses.join(), () => `statuses ${statuses.join()}`);
  say(expected.closes === true && end === 'open', () => 'the connection stays open');
  say(expected.closes === false && end !== 'open', () => `the connection closes (${end})`);
  const requests = requestsOf(connections);
  const wanted = expected.origin?.map((line) => inSlot(line, slot));
  say(
    wanted !== undefined && requests.join('\n') !== wanted.join('\n'),
    () => `the origin got ${JSON.stringify(requests)}`,
  );
  const last = responses.messages.at(-1);
  const isCut = last !== undefined && !last.isWhole;
  say(isCut !== (expected.isCut === true), () =>
    isCut ? 'the last answer is not whole' : 'the last answer looks whole',
  );
  say(
    expected.has !== undefined && !expected.has.test(received),
    () => `the client did not get ${expected.has}`,
  );
  say(expected.lacks?.test(received) === true, () => `the client got ${expected.lacks}`);
  const sent = connections.map((connection) => connection.received).join('\0');
  say(
    expected.sends !== undefined && !expected.sends.test(sent),
    () => `the origin did not get ${expected.sends}`,
  );
  say(expected.withholds?.test(sent) === true, () => `the origin got ${expected.withholds}`);
  if (expected.tunnel !== undefined) {
    const [toClient, toOrigin] = expected.tunnel.map((text) => inSlot(text, slot));
    say(responses.tunnel !== toClient, () => `the tunnel's client got ${JSON.stringify(responses.tunnel)}`);
    const { tunnel } = connections.find((one) => one.tunnel !== null) ?? { tunnel: null };
    say(tunnel !== toOrigin, () => `the tunnel's origin got ${JSON.stringify(tunnel)}`);
  }
  return found;
}

/** Requests that reached an origin, canaries excluded. */
export function requestsOf(connections: readonly OriginConnection[]): string[] {
  return connections.flatMap(({ messages }) =>
    messages
      .filter((message) => !isCanary(message))
      .map(({ method, target, content, isWhole }) => {
        const shown = content.length > 80 ? `<${content.length}>` : content;
        return `${method} ${target}${shown === '' ? '' : ` ${shown}`}${isWhole ? '' : '...'}`;
      }),
  );
}

/** What is wrong with an outcome, whatever was expected. */
export function violations(outcome: Outcome): string[] {
  const found: string[] = outcome.canary === '' ? [] : [outcome.canary];
  const { responses, received, end } = outcome;
  if (responses.error !== null) found.push(`the client got what is not HTTP: ${responses.error}`);
  const isOpenEnded = responses.tunnel === null && responses.messages.every((message) => message.isWhole);
  if (isOpenEnded && end !== 'reset' && responses.end < received.length) {
    found.push(
      `the client got a rest: ${JSON.stringify(received.slice(responses.end, responses.end + 100))}`,
    );
  }
  for (const message of responses.messages) found.push(...faultsOfResponse(message));
  for (const connection of outcome.connections) {
    if (connection.error !== null) {
      found.push(
        `the origin got what is not HTTP: ${connection.error}: ${JSON.stringify(connection.received)}`,
      );
    }
    const last = connection.messages.at(-1);
    if (last?.isWhole === false && !connection.hasEnded)
      found.push('the origin waits for the rest of a request');
    for (const message of connection.messages) found.push(...faultsOfRequest(message));
  }
  return found;
}

/** Fields that go no further than one connection, and what may stand in those that the proxy writes. */
function faultsOfRequest(message: Message): string[] {
  const found = ['keep-alive', 'proxy-connection', 'te'].filter((name) => values(message, name).length > 0);
  const options = members(message, 'connection');
  if (!options.every((option) => ['', 'close', 'keep-alive', 'upgrade'].includes(option)))
    found.push('connection');
  if (values(message, 'upgrade').length > 0 !== options.includes('upgrade')) found.push('upgrade');
  if (message.hasExtensions) found.push('a chunk extension');
  return found.map((what) => `the origin got ${what} in ${message.method} ${message.target}`);
}

function faultsOfResponse(message: Message): string[] {
  const found = ['keep-alive', 'proxy-connection'].filter((name) => values(message, name).length > 0);
  const options = members(message, 'connection');
  if (!options.every((option) => ['close', 'keep-alive', 'upgrade'].includes(option)))
    found.push('connection');
  if (message.status !== 101 && values(message, 'upgrade').length > 0 && !options.includes('upgrade')) {
    found.push('upgrade');
  }
  if (message.minorVersion !== 1) found.push('HTTP/1.0');
  if (message.hasExtensions) found.push('a chunk extension');
  const { status } = message;
  const isBare = status < 200 || status === 204;
  if (
    isBare &&
    (values(message, 'content-length').length > 0 || values(message, 'transfer-encoding').length > 0)
  ) {
    found.push('a length with a status that has none');
  }
  return found.map((what) => `the client got ${what} in the ${status}`);
}

/** One line: what came of a case, for tables. */
export function summary(outcome: Outcome): string {
  const { responses, end, connections } = outcome;
  const statuses = responses.messages.map(({ status, isWhole }) => `${status}${isWhole ? '' : '~'}`);
  const marks = { open: '', fin: ' x', reset: ' rst' };
  const broken = connections.some(({ error }) => error !== null) ? ' BROKEN-UP' : '';
  const strange = responses.error === null ? '' : ' BROKEN-DOWN';
  const requests = requestsOf(connections).map((line) => line.replace(/\/c\d{4}\//g, '/'));
  return `${statuses.join() || '-'}${marks[end]} [${requests.join(', ')}]${broken}${strange}${outcome.canary === '' ? '' : ' CANARY'}`;
}
