/** The connection machine, for any transport. See docs/machine.md for the contract. */
export { Connection, type ConnectionOptions } from './connection.js';
export {
  ABORT,
  CLOSE,
  CONNECT,
  DOWNSTREAM,
  DROP,
  Effect,
  Effects,
  END,
  RELEASE,
  type SideIndex,
  UPSTREAM,
  WRITE,
} from './effects.js';
export { Attempt, Exchange, type Outcome } from './exchange.js';
export { REQUEST_TABLE, RESPONSE_TABLE } from './phases.js';
export * from './policy.js';
export {
  ConstantValue,
  FieldEdits,
  type FieldSet,
  fieldSet,
  type ValueSource,
} from '../message/field-edits.js';
export { OctetWriter } from '../bytes/octet-writer.js';
