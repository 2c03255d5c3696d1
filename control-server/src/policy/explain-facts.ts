import type { ErrorCode, Explanation, HopName, Name, TunnelView } from '@netport/protocol';
import type { RelayOption, Trial } from '../state/presence.js';
import type { PairMatch } from './explain-match.js';

/** All that an explanation is made from, as of one moment. */
export interface ExplainFacts {
  at: Date;
  question: Explanation['question'];
  match: PairMatch;
  /** Who listens. */
  portal: PortalFacts;
  /** Who dials; undefined where no access pair says so. */
  peer: PortalFacts | undefined;
  /** Best first. */
  relays: readonly RelayOption[];
  tunnel: TunnelView | undefined;
  streams: StreamFacts;
  trail: TrailFacts;
  tried: TriedFacts;
}

export interface PortalFacts {
  name: Name;
  /** Since when it is online; null where it is not. */
  since: Date | null;
  lastSeenAt: Date | null;
  certificate: CertificateFacts;
  /** Of the pair's listener, where it is this portal's. */
  listenerFailure?: { code: ErrorCode; message: string } | undefined;
}

export type CertificateFacts =
  | { state: 'valid'; until: Date }
  | { state: 'expired' | 'revoked'; at: Date }
  | { state: 'none'; token: 'open' | 'expired' | null };

/** The streams of the pair that run now. */
export interface StreamFacts {
  running: number;
  /** The latest. */
  since: Date | null;
  target: string | null;
}

/** What the audit trail tells of the pair and its portals. */
export interface TrailFacts {
  /** Newest first. */
  failures: readonly Failure[];
  /** When a stream of the pair was last seen to open. */
  success: Date | null;
}

export interface Failure {
  hop: HopName;
  code: ErrorCode;
  message: string;
  at: Date;
}

/** What came of a try: why a portal did not try is a code, too, but says nothing about the pair. */
export type Tried = { trial: Trial } | { untried: string };

export interface TriedFacts {
  tunnel?: Tried | undefined;
  target?: Tried | undefined;
}
