/**
 * HTTP/1.1 heads and content without connections, and the boundaries of WebSocket frames: readers and writers over
 * octets.
 *
 * @module wire
 */
export {
  acquireReader,
  HEAD_COMPLETE,
  HEAD_MORE,
  HEAD_REFUSED,
  type HeadLimits,
  HeadReader,
  releaseReader,
} from './http1/head-reader.js';
export {
  CONTENT_END,
  CONTENT_MORE,
  CONTENT_REFUSED,
  CONTENT_SPAN,
  CONTENT_TRAILER,
  ContentReader,
} from './http1/content-reader.js';
export {
  type OwnParts,
  type ResponseHeadOptions,
  writeInterimHead,
  writeLocalHead,
  writeRequestHead,
  writeResponseHead,
  WROTE_CLOSE,
  WROTE_OFFER,
} from './http1/head-writer.js';
export { TYPE_REQUEST, TYPE_RESPONSE } from './http1/llhttp.js';
export {
  FrameWalker,
  OPCODE_BINARY,
  OPCODE_CLOSE,
  OPCODE_CONTINUATION,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
} from './websocket/frame-walker.js';
export { closeFrame, isCloseCode, MAX_CLOSE_REASON_OCTETS } from './websocket/close-frame.js';
export * from '../message/head.js';
export { FIELD_NAMES } from '../message/field-names.js';
export type { NameTable } from '../bytes/name-table.js';
export {
  ConstantValue,
  FieldEdits,
  type FieldRewrites,
  type FieldSet,
  fieldSet,
  type ValueSource,
} from '../message/field-edits.js';
export { OctetWriter } from '../bytes/octet-writer.js';
