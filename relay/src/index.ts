export { parsePortRange } from './config.js';
export type { PortRange } from './core/port-pool.js';
export { addressBytes } from './datapath/kernel/address.js';
export * as layout from './datapath/kernel/layout.js';
export { type RelayOptions, startRelay } from './relay.js';
