import {
  type ErrorCode,
  formatSpiffeId,
  type Name,
  type Role,
  type SpiffeId,
  type TrustDomain,
} from '@netport/protocol';
import type { CertificateAuthority } from '../authority/certificate-authority.js';
import type { MemberKind, Store } from '../store/store.js';

/** What every use case works with. */
export interface StateContext {
  store: Store;
  authority: CertificateAuthority;
  trustDomain: TrustDomain;
  /** `https://host:port`, as it is written into join tokens. */
  publicUrl: string;
  /** Of portals and relays, in milliseconds; limits.leafLifetime unless given. */
  certificateLifetime?: number;
  now: () => Date;
  /** Counts audit events. */
  onAudit: (event: { action: string; code?: ErrorCode }) => void;
}

/** Who asks for something. */
export interface Actor {
  /** A SPIFFE ID, `token:<name>`, `admin:<name>`, `oidc:<subject>`, `device-authority:<name>`, or `anonymous`. */
  name: string;
  /** The address of the connection. */
  origin: string | null;
}

/** Who signed in, and what that gives. */
export interface Principal extends Actor {
  role: Role;
}

export const memberId = ({ trustDomain }: { trustDomain: TrustDomain }, kind: MemberKind, name: Name): SpiffeId =>
  formatSpiffeId({ trustDomain, kind, name });

/** This server itself, as an actor and in its certificate. */
export const controlId = (trustDomain: TrustDomain): SpiffeId =>
  formatSpiffeId({ trustDomain, kind: 'control', name: 'control' as Name });
