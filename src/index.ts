/**
 * A proxy to embed. `wirehop/machine` and `wirehop/wire` are its parts.
 *
 * @module wirehop
 */
export {
  type CloseOptions,
  createProxy,
  type ListenAddress,
  type ListenOptions,
  Proxy,
} from './embed/proxy.js';
export { Config, loadConfig, type LoadOptions } from './embed/config.js';
export type * from './embed/options.js';
export type { AttemptEnd, AttemptInfo, ErrorInfo, ExchangeEnd, Hooks, TunnelEnd } from './embed/hooks.js';
export type { Fields } from './embed/fields.js';
export type { ConnectionInfo, ProxyExchange, RequestHead, ResponseHead } from './embed/views.js';
export type { WebOptions } from './embed/web.js';
export { OptionsError } from './embed/validate.js';
export type { DriverCounters, NoticeLevel, TransportKind } from './driver/driver.js';
export type { StreamFacts } from './driver/stream-transport.js';
export { tryHandles } from './driver/handle-trial.js';
export type { Outcome } from './machine/exchange.js';
export { LOG_LEVELS, type LogLevel } from './proxy/model.js';
export { ConfigError, ERRORS, type ErrorCode, type ErrorRow, Fault, type Side, StartError } from './error.js';
