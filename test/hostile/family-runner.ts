/**
 * Runs families of cases and holds each member against the judge's reading of its octets: what is strictly good may be
 * passed on, unchanged, or refused; all else is refused.
 */
import { head } from './corpus.js';
import type { Family } from './octet-families.js';
import type { Origin, OriginConnection } from './origin.js';
import { Client } from './runner.js';
import { overlap } from './stage.js';
import { pathOf, poll } from './steps.js';
import { members, type Message, readRequests, readResponses, values } from './strict.js';

/** Longer than the proxy waits for the rest of a head. */
const MEMBER_LIMIT_MS = 4500;

interface Member {
  readonly octet: number;
  readonly sent: string;
  readonly received: string;
  readonly end: Client['end'];
}

/** Targets of a member's first request and of the one behind it. */
const MEMBER = /^(\/c\d{4}\/f\d+)([-z])/;

/** A family with the slot that it runs in. */
export interface PlacedFamily {
  readonly family: Family;
  readonly slot: number;
}

/** Runs families. @returns what is wrong with the members of each */
export async function runFamilies(
  port: number,
  origin: Origin,
  families: readonly PlacedFamily[],
): Promise<Map<Family, string[]>> {
  const outcomes = new Map<Family, Member[]>();
  const all = families.flatMap(({ family, slot }) => {
    origin.answerBy(slot, (message) => responseTo(family, slot, message));
    outcomes.set(family, []);
    return family.octets.map((octet) => ({ family, slot, octet }));
  });
  await overlap(all, async ({ family, slot, octet }) => {
    outcomes.get(family)!.push(await runMember(port, slot, family, octet));
  });
  return new Map(
    families.map(({ family, slot }) => [
      family,
      judgeFamily(family, slot, outcomes.get(family)!, origin.of(slot)),
    ]),
  );
}

function responseTo(family: Family, slot: number, message: Message): string | null {
  const [, target, which] = MEMBER.exec(message.target) ?? [];
  if (which !== '-' || family.response === undefined) return null;
  return family.response(String.fromCharCode(Number(target.slice(pathOf(slot).length + 1))));
}

async function runMember(port: number, slot: number, family: Family, octet: number): Promise<Member> {
  const target = `${pathOf(slot)}f${octet}`;
  const sent =
    family.request(`${target}-`, String.fromCharCode(octet)) +
    head(`GET ${target}z HTTP/1.1`, 'Connection: close');
  const client = new Client(port);
  // With the half-close nobody waits for the rest of a head that never comes.
  client.socket.end(Buffer.from(sent, 'latin1'));
  await poll(() => client.end !== 'open', MEMBER_LIMIT_MS);
  client.socket.destroy();
  return { octet, sent, received: client.received, end: client.end };
}

function judgeFamily(
  family: Family,
  slot: number,
  outcomes: readonly Member[],
  connections: readonly OriginConnection[],
): string[] {
  const found = connections
    .filter(({ error }) => error !== null)
    .map(
      ({ error, received }) =>
        `the origin got what is not HTTP: ${error}: ${JSON.stringify(received.slice(-300))}`,
    );
  const byTarget = groupByMember(connections);
  for (const target of byTarget.keys()) {
    if (!family.octets.some((octet) => target === `${pathOf(slot)}f${octet}`)) {
      found.push(`the origin got a request of nobody: ${target}`);
    }
  }
  for (const member of outcomes) {
    const passed = byTarget.get(`${pathOf(slot)}f${member.octet}`) ?? [];
    const wrong = judgeMember(family, member, passed);
    if (wrong !== '') {
      found.push(
        `octet 0x${member.octet.toString(16)}: ${wrong}; ${JSON.stringify(member.received.slice(0, 200))}`,
      );
    }
  }
  return found;
}

function groupByMember(connections: readonly OriginConnection[]): Map<string, Message[]> {
  const groups = new Map<string, Message[]>();
  for (const { messages } of connections) {
    for (const message of messages) {
      const target = MEMBER.exec(message.target)?.[1] ?? message.target;
      const group = groups.get(target);
      if (group === undefined) groups.set(target, [message]);
      else group.push(message);
    }
  }
  return groups;
}

/** What is wrong with one member, or ''. @param passed requests that reached the origin, in order */
function judgeMember(
  family: Family,
  { octet, sent, received, end }: Member,
  passed: readonly Message[],
): string {
  const wanted = untilClose(sent);
  const responses = readResponses(received, [], end === 'fin');
  if (responses.error !== null) return `the client got what is not HTTP: ${responses.error}`;
  if (end === 'open') return 'the connection stays open';
  const whole = passed.filter((message) => message.isWhole);
  const statuses = responses.messages.map(({ status }) => status).filter((status) => status >= 200);
  if (family.response !== undefined) {
    return judgeAnswer(family, octet, responses.messages, end);
  }
  for (let i = 0; i < whole.length; i++) {
    const wrong = wanted[i] === undefined ? 'none' : difference(wanted[i], whole[i]);
    if (wrong !== '') return `request ${i + 1} goes on as another one (${wrong}): ${whole[i].startLine}`;
    if (statuses[i] !== 200) return `request ${i + 1} is answered by ${statuses[i]}`;
  }
  // Whatever is not passed on is refused, once, and the connection ends there.
  const refusals = statuses.slice(whole.length);
  if (refusals.length > 1 || refusals.some((status) => status < 400)) return `statuses ${statuses.join()}`;
  if (wanted.length > whole.length && refusals.length === 0 && end !== 'fin')
    return 'the connection is reset';
  if (family.serves?.(octet) === true && whole.length < 2) return `refused: ${statuses.join()}`;
  return '';
}

/** The requests of a stream by the letter, up to one that is broken or closes. */
function untilClose(sent: string): Message[] {
  const wanted: Message[] = [];
  for (const message of readRequests(sent).messages) {
    if (!message.isWhole) break;
    wanted.push(message);
    if (members(message, 'connection').includes('close') || message.method === 'CONNECT') break;
    if (message.minorVersion === 0 && !members(message, 'connection').includes('keep-alive')) break;
  }
  return wanted;
}

/** Fields that an intermediary drops, or writes itself. */
const OWN =
  /^(?:connection|keep-alive|proxy-connection|te|upgrade|transfer-encoding|host|x-real-ip|x-forwarded-for)$/i;
/** Names that nginx takes for invalid, and drops. */
const INVALID = /[^A-Za-z0-9-]/;

/** How a request that was passed on differs from the one that was sent, or ''. */
function difference(sent: Message, passed: Message): string {
  if (sent.method !== passed.method) return 'method';
  if (sent.target.replace(/^https?:\/\/[^/?]*/i, '') !== passed.target) return 'target';
  if (sent.content !== passed.content) return 'content';
  const nominated = members(sent, 'connection');
  const stays = (name: string): boolean =>
    !OWN.test(name) &&
    !(sent.minorVersion === 0 && name.toLowerCase() === 'expect') &&
    !INVALID.test(name) &&
    (name === 'content-length' || !nominated.includes(name.toLowerCase()));
  const shown = ({ fields }: Message): string =>
    fields
      .filter(([name]) => stays(name))
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n');
  if (shown(sent) !== shown(passed)) return 'fields';
  const authority = /^https?:\/\/([^/?]*)/i.exec(sent.target)?.[1];
  const host = authority ?? values(sent, 'host')[0];
  return host === undefined || values(passed, 'host')[0] === host ? '' : 'Host';
}

/** Fields of an answer that an intermediary drops, or writes itself. */
const OWN_ANSWER =
  /^(?:connection|keep-alive|proxy-connection|te|upgrade|transfer-encoding|server|date|content-length)$/i;

/** What is wrong with the answers to a member whose origin may have lied, or ''. */
function judgeAnswer(family: Family, octet: number, got: readonly Message[], end: Client['end']): string {
  const raw = family.response!(String.fromCharCode(octet));
  const reading = readResponses(raw, [], true);
  const answer = reading.messages.find(({ status }) => status >= 200);
  const final = got.filter(({ status }) => status >= 200);
  if (final.length === 0) return end === 'reset' ? '' : 'no answer';
  const [first, second] = final;
  if (second !== undefined && (!second.isWhole || !/^\[GET \/c\d{4}\/f\d+z 0\]$/.test(second.content))) {
    return `the next request gets ${JSON.stringify(second.content)}`;
  }
  const isGood = answer?.isWhole === true;
  if (first.status === 502 || first.status === 504)
    return isGood && family.serves?.(octet) === true ? 'refused' : '';
  if (answer === undefined) return `a broken answer passes as ${first.status}`;
  if (first.status !== answer.status) return `${answer.status} passes as ${first.status}`;
  if (!isGood) return first.isWhole ? 'a broken answer passes as a whole one' : '';
  if (!first.isWhole) return family.serves?.(octet) === true ? 'cut' : '';
  if (first.content !== answer.content) return `other content: ${JSON.stringify(first.content)}`;
  const nominated = members(answer, 'connection');
  const fields = (message: Message): string =>
    message.fields
      .filter(([name]) => !OWN_ANSWER.test(name) && !nominated.includes(name.toLowerCase()))
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n');
  return fields(first) === fields(answer) ? '' : 'other fields';
}
