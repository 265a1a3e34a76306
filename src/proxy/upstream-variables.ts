/**
 * Variables of the upstream side. Those with one value per attempt are lists, joined by ", " as nginx joins them, and by " : " where an internal
 * redirection lies between; none
 * of them has a value before the first attempt.
 */
import type { Attempt, Exchange } from '../machine/exchange.js';
import { FIELD_NAMES } from '../message/field-names.js';
import { FIELD_STRIDE, ID_MASK, NAME_ID } from '../message/head.js';
import { contextOf } from './context.js';
import { setCookieValue } from './fields.js';
import type { Variable, VariableFamily } from './variables.js';
import { seconds } from './wall-clock.js';

const SET_COOKIE = FIELD_NAMES.intern('set-cookie');

function changing(text: (exchange: Exchange) => string, readsResponse = false): Variable {
  return { text, put: undefined, isStable: false, isFound: undefined, readsResponse };
}

function perAttempt(item: (attempt: Attempt) => string): Variable {
  return changing(({ attempts }) => {
    if (attempts.length === 0) return '';
    let text = item(attempts[0]);
    for (let i = 1; i < attempts.length; i++)
      text += `${attempts[i].startsPass ? ' : ' : ', '}${item(attempts[i])}`;
    return text;
  });
}

/** Time from an attempt's start to one of its moments; "-" if that never came. */
function elapsed(moment: (attempt: Attempt) => number): Variable {
  return perAttempt((attempt) => (moment(attempt) < 0 ? '-' : seconds(moment(attempt) - attempt.startedAt)));
}

/** Variables by name. */
export function upstreamVariables(): Readonly<Record<string, Variable>> {
  return {
    upstream_addr: perAttempt((attempt) => attempt.peer.name),
    upstream_status: perAttempt((attempt) => (attempt.status === 0 ? '-' : String(attempt.status))),
    // A connection from the pool cost no time.
    upstream_connect_time: elapsed((attempt) => (attempt.reused ? attempt.startedAt : attempt.connectedAt)),
    upstream_header_time: elapsed((attempt) => attempt.headAt),
    upstream_response_time: elapsed((attempt) => attempt.endedAt),
    upstream_bytes_sent: perAttempt((attempt) => String(attempt.octetsSent)),
    upstream_bytes_received: perAttempt((attempt) => String(attempt.octetsReceived)),
    upstream_response_length: perAttempt((attempt) => String(attempt.contentOctets)),
    // Both belong to the proxy_pass of the location in force.
    proxy_host: changing(proxyHost),
    proxy_port: changing((exchange) => {
      const { location, destination } = contextOf(exchange);
      return destination?.port ?? location?.proxy?.port.text(exchange) ?? '';
    }),
  };
}

/** $proxy_host: name and port of the proxy_pass in force. */
export function proxyHost(exchange: Exchange): string {
  const { location, destination } = contextOf(exchange);
  return destination?.host ?? location?.proxy?.host.text(exchange) ?? '';
}

/** Families by prefix: what the last response of an upstream said. */
export function upstreamFamilies(): Readonly<Record<string, VariableFamily>> {
  return {
    upstream_http_: (member) => {
      const id = FIELD_NAMES.intern(member.replaceAll('_', '-'));
      return changing(({ response }) => response.joinedText(id), true);
    },
    upstream_cookie_: (member) => changing((exchange) => upstreamCookie(exchange, member), true),
  };
}

function upstreamCookie({ response }: Exchange, name: string): string {
  for (let i = 0; i < response.count; i++) {
    if ((response.fields[i * FIELD_STRIDE + NAME_ID] & ID_MASK) !== SET_COOKIE) continue;
    const value = setCookieValue(response.valueText(i), name);
    if (value !== null) return value;
  }
  return '';
}
