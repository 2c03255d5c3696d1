import type { ErrorCode, PairId, SpiffeId } from '@netport/protocol';

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
  circuits: number;
  capacity: number;
}
