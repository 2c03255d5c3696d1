import type { CircuitView, ErrorCode, Name, PairId, SpiffeId, StreamView, TunnelView } from '@netport/protocol';

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
  /** When its session began. */
  since: Date;
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

export interface RelayOption {
  name: Name;
  circuits: number;
  capacity: number;
  /** The sum of both portals' round trips; null where one has not measured it. */
  roundTripMs: number | null;
  /** What put it before the next one; null for the last. */
  preferredFor: string | null;
}

/** What became of a portal's try; without a code it worked. */
export interface Trial {
  code?: ErrorCode | undefined;
  message: string;
  ms: number;
}

/** What runs now, as portals and relays tell it; those that do not answer in time are left out. */
export interface Inspection {
  circuits(): Promise<CircuitView[]>;
  /** Of every portal, or only as these tell. */
  tunnels(portals?: readonly Name[]): Promise<TunnelView[]>;
  streams(portals?: readonly Name[]): Promise<StreamView[]>;
  /** The relays that a circuit between these two portals could take now, best first. */
  relaysBetween(from: Name, to: Name): RelayOption[];
  /** Has a portal try its side of a pair. Throws `rate_limited`, `unavailable`, or `unknown_message` where it is too old to. */
  probe(portal: Name, pair: PairId): Promise<Trial>;
  /** All three, of one moment. */
  traffic(): Promise<TrafficSample>;
}

export interface TrafficSample {
  circuits: CircuitView[];
  tunnels: TunnelView[];
  streams: StreamView[];
}
