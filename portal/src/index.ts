export { type Direction, gate, type Question, type Verdict } from './gate.js';
export { Portal, type PortalEvents, type PortalOptions, type PortalStatus } from './portal.js';
export type { Tunnel, TunnelContext, TunnelCounters } from './tunnel/tunnel.js';
