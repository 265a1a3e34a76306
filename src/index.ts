/**
 * A proxy to embed. `wirehop/machine` and `wirehop/wire` are its parts.
 *
 * @module wirehop
 */
export { createProxy, Proxy, type ProxyOptions } from './process/embed.js';
export type { DriverCounters, NoticeLevel, TransportKind } from './driver/driver.js';
export type { Address, BoundAddress, PathAddress, PortAddress } from './driver/transport.js';
export { ConfigError, type ErrorCode, type ErrorRow, ERRORS, Fault, type Side, StartError } from './error.js';
