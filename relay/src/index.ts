export { type DatapathChoice, parsePortRange } from './config.js';
export type { PortRange } from './core/port-pool.js';
export { type RelayOptions, startRelay } from './relay.js';
