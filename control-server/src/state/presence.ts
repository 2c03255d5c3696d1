import type { CircuitView, ErrorCode, PairId, SpiffeId, StreamView, TunnelView } from '@netport/protocol';

/** What only a control session knows; signalling provides it. */
export interface Presence {
  portal(id: SpiffeId): PortalPresence | undefined;
  relay(id: SpiffeId): RelayPresence | undefined;
  /** By portal name: what the views of access pairs need. */
  portalNamed(name: string): PortalPresence | undefined;
}

export interface PortalPresence {
  address: string;
  version: string;
  policyVersion: number;
  seenAt: Date;
  /** The listeners that it could not open. */
  failedListeners: ReadonlyMap<PairId, { code: ErrorCode; message: string }>;
}

export interface RelayPresence {
  address: string;
  version: string;
  seenAt: Date;
  datapath: 'userspace' | 'xdp';
  datapathReason: string | null;
  circuits: number;
  capacity: number;
}

/** What runs now, as portals and relays tell it; those that do not answer in time are left out. */
export interface Inspection {
  circuits(): Promise<CircuitView[]>;
  tunnels(): Promise<TunnelView[]>;
  streams(): Promise<StreamView[]>;
  /** All three, of one moment. */
  traffic(): Promise<TrafficSample>;
}

export interface TrafficSample {
  circuits: CircuitView[];
  tunnels: TunnelView[];
  streams: StreamView[];
}
