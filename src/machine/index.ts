/**
 * The connection machine, for any transport: octets in, effects out, deadlines as values; no sockets and no clock.
 * docs/machine.md has the contract and every state, docs/drivers.md a driver for another transport, step by step.
 *
 * @module machine
 */
export { Connection, type ConnectionOptions } from './connection.js';
export {
  ABORT,
  AWAIT,
  CLOSE,
  CONNECT,
  DOWNSTREAM,
  DROP,
  Effect,
  Effects,
  END,
  FIND,
  OPEN,
  RELEASE,
  type SideIndex,
  UPSTREAM,
  WRITE,
} from './effects.js';
export { Attempt, Exchange, type Outcome } from './exchange.js';
export {
  REQUEST_INPUTS,
  REQUEST_PHASES,
  REQUEST_TABLE,
  RESPONSE_INPUTS,
  RESPONSE_PHASES,
  RESPONSE_TABLE,
  type Table,
} from './phases.js';
export { DEFAULT_POOL, DEFAULT_READING, DEFAULT_RULES, forwardTo, peerAt, respondWith } from './plans.js';
export * from './policy.js';
export type * from './security.js';
export {
  ConstantValue,
  FieldEdits,
  type FieldRewrites,
  type FieldSet,
  fieldSet,
  type ValueSource,
} from '../message/field-edits.js';
export { OctetWriter } from '../bytes/octet-writer.js';
