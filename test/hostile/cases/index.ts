/** All tables, in the order in which they are told. */
import type { Table } from '../corpus.js';
import { CHUNKED } from './chunked.js';
import { CONFIGURATION } from './configuration.js';
import { CONNECTION } from './connection.js';
import { EXCHANGES } from './exchanges.js';
import { FIELDS } from './fields.js';
import { LIMITS } from './limits.js';
import { REQUEST_FRAMING } from './request-framing.js';
import { RESPONSE_CONTENT } from './response-content.js';
import { RESPONSE_HEAD } from './response-head.js';
import { START_LINE } from './start-line.js';
import { UPGRADE } from './upgrade.js';

export const TABLES: readonly Table[] = [
  REQUEST_FRAMING,
  CHUNKED,
  START_LINE,
  FIELDS,
  CONNECTION,
  LIMITS,
  UPGRADE,
  RESPONSE_HEAD,
  RESPONSE_CONTENT,
  EXCHANGES,
  CONFIGURATION,
];
