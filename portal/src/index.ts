export { type Direction, gate, type Question, type Verdict } from './gate.js';
export { bindUdpLeg, UdpLeg, type UdpLegOffer, type UdpLegOptions } from './path/udp-leg.js';
export { Portal, type PortalEvents, type PortalOptions, type PortalStatus } from './portal.js';
export type { Tunnel, TunnelContext, TunnelCounters } from './tunnel/tunnel.js';
