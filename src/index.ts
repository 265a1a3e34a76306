/** The package's main entry: a proxy to embed. `wirehop/machine` and `wirehop/wire` are its parts. */
export { createProxy, Proxy, type ProxyOptions } from './process/embed.js';
export type { DriverCounters } from './driver/driver.js';
export type { Address, BoundAddress } from './driver/transport.js';
export { ConfigError, ERRORS, type ErrorCode, Fault, type Side, StartError } from './error.js';
