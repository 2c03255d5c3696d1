import type {
  CircuitId,
  ErrorCode,
  GroupDocument,
  IdentityKind,
  Labels,
  Name,
  PairDocument,
  PairId,
  Protocol,
  Schedule,
  SpiffeId,
  TestsDocument,
  Transport,
  TransportPreference,
} from '@netport/protocol';
import type { DeviceRecords } from './device-records.js';
import type { SignInRecords } from './sign-in-records.js';

export type * from './device-records.js';
export type * from './sign-in-records.js';

/**
 * What the control server remembers, free of any database's notions. `records` reads outside of a transaction;
 * `transaction` runs one unit of work, which is kept whole or not at all. Inside it, use only the records it hands over.
 */
export interface Store {
  readonly records: Records;
  transaction<T>(work: (records: Records) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface Records extends SignInRecords, DeviceRecords {
  members: MemberRecords;
  joinTokens: JoinTokenRecords;
  certificates: CertificateRecords;
  pairs: PairRecords;
  documents: DocumentRecords;
  circuits: CircuitRecords;
  audit: AuditRecords;
  /** The next value of a number that only grows. */
  bump(sequence: SequenceName): Promise<number>;
  /** Its last value; 0 before the first. */
  current(sequence: SequenceName): Promise<number>;
  /** Sets it. */
  advance(sequence: SequenceName, value: number): Promise<void>;
}

/** Part of a list by name: behind `after`, only names that contain `q`. */
export interface NameRange {
  q: string;
  after: string | undefined;
  limit: number;
}

/** Part of a list that is newest first: behind `after`. */
export interface TimeRange {
  after: { at: Date; id: string } | undefined;
  limit: number;
}

export type SinkName = 'syslog' | 'webhook';
/** `audit`: the last event's id. `audit_pruned`: the last one's that retention removed; `audit_syslog`, …: that a sink has taken. */
export type SequenceName = 'policy' | 'crl' | 'audit' | 'audit_pruned' | `audit_${SinkName}`;
export type MemberKind = Extract<IdentityKind, 'portal' | 'relay'>;

/** A portal or a relay. */
export interface Member {
  id: string;
  kind: MemberKind;
  name: Name;
  createdAt: Date;
  lastSeenAt: Date | null;
  address: string | null;
  version: string | null;
  labels: Labels;
  /** Null where it was never revoked, or was let in again since. */
  revokedAt: Date | null;
  /** Fingerprints of roots: of its certificate, and those that it trusts. Null until it has said so. */
  certifiedBy: string | null;
  trustedRoots: readonly string[] | null;
}

export interface MemberRecords {
  /** Throws `already_exists`. */
  add(member: Member): Promise<void>;
  find(kind: MemberKind, name: string): Promise<Member | undefined>;
  /** By name. */
  list(kind: MemberKind, range?: NameRange): Promise<Member[]>;
  /** How many names contain `q`. */
  count(kind: MemberKind, q: string): Promise<number>;
  /** Replaces all of its labels. */
  label(id: string, labels: Labels): Promise<void>;
  /** Null: let in again. */
  revoked(id: string, at: Date | null): Promise<void>;
  seen(kind: MemberKind, name: string, at: Date, address: string | null, version: string | null): Promise<void>;
  trusts(kind: MemberKind, name: string, certifiedBy: string, trustedRoots: readonly string[]): Promise<void>;
  /** With its join tokens and access pairs. */
  remove(id: string): Promise<void>;
}

export interface JoinTokenRecord {
  id: string;
  memberId: string;
  kind: MemberKind;
  name: Name;
  secretHash: Uint8Array;
  createdAt: Date;
  expiresAt: Date;
  usedAt: Date | null;
}

export interface JoinTokenRecords {
  add(token: { id: string; memberId: string; secretHash: Uint8Array; createdAt: Date; expiresAt: Date }): Promise<void>;
  find(id: string): Promise<JoinTokenRecord | undefined>;
  /** Newest first. */
  list(range: TimeRange): Promise<JoinTokenRecord[]>;
  /** False when it was used already: of two callers exactly one gets true. */
  use(id: string, at: Date): Promise<boolean>;
  remove(id: string): Promise<boolean>;
  /** Withdraws the open tokens of a member. */
  removeOpen(memberId: string): Promise<void>;
}

export interface CertificateRecord {
  serial: string;
  subject: SpiffeId;
  notBefore: Date;
  notAfter: Date;
  revokedAt: Date | null;
  /** Fingerprint of the root that it is of; null: of the first one that there was. */
  root: string | null;
}

export interface CertificateRecords {
  add(certificate: Omit<CertificateRecord, 'revokedAt'>): Promise<void>;
  /** Those that have not expired by `now`, newest first. */
  list(now: Date, range?: TimeRange): Promise<CertificateRecord[]>;
  /** Of these subjects. */
  listOf(now: Date, subjects: readonly SpiffeId[]): Promise<CertificateRecord[]>;
  /** Those of one identity, expired and revoked ones too, newest first, at most `limit`. */
  ofSubject(subject: SpiffeId, limit: number): Promise<CertificateRecord[]>;
  /** Whether it was issued here and is not revoked. */
  isGood(serial: string): Promise<boolean>;
  /** How many were revoked now. */
  revoke(subject: SpiffeId, now: Date): Promise<number>;
}

export interface PairRecord {
  id: PairId;
  name: Name;
  protocol: Protocol;
  from: { portal: Name; address: string; port?: number };
  to: { portal: Name; address: string; port?: number };
  transport: TransportPreference;
  enabled: boolean;
  owner: string;
  reason: string;
  expiresAt: Date | null;
  createdAt: Date;
  /** Grows with each change. */
  revision: number;
  /** The document that made it; null where it was made by hand. */
  grant: Name | null;
  /** When in the week it is in force; null: always. */
  schedule: Schedule | null;
}

export interface PairRecords {
  /** `fromId` and `toId` are member ids. Throws `already_exists`. */
  add(pair: PairRecord, fromId: string, toId: string): Promise<void>;
  find(name: string): Promise<PairRecord | undefined>;
  /** The pair that listens there already, if any. */
  findListener(fromId: string, listenerKey: string): Promise<PairRecord | undefined>;
  /** By name. */
  list(range?: NameRange): Promise<PairRecord[]>;
  /** Those of these names that are there, in any order. */
  named(names: readonly string[]): Promise<PairRecord[]>;
  /** How many names contain `q`. */
  count(q: string): Promise<number>;
  /** How many pairs a portal is part of, on either side. */
  countOf(memberId: string): Promise<number>;
  /** Writes all of it. */
  update(pair: PairRecord, fromId: string, toId: string): Promise<void>;
  remove(id: PairId): Promise<void>;
  /** Many at once; their names and listeners must be known to be free. */
  addAll(pairs: readonly PairRecord[]): Promise<void>;
  removeAll(ids: readonly PairId[]): Promise<void>;
}

/** What is kept as a document: whatever is more than one access pair of the same name. */
export type StoredDocument = PairDocument | GroupDocument | TestsDocument;

export interface DocumentRecords {
  list(): Promise<StoredDocument[]>;
  /** Adds them, or replaces those of the same kind and name. */
  put(documents: readonly StoredDocument[]): Promise<void>;
  remove(documents: readonly StoredDocument[]): Promise<void>;
}

export interface CircuitRecord {
  id: CircuitId;
  from: Name;
  to: Name;
  transport: Transport;
  relay: Name;
  ports: [number, number];
  datapath: 'userspace' | 'xdp' | 'tc';
  state: 'opening' | 'joined' | 'ended';
  createdAt: Date;
  /** Bytes from `from` to `to`, and back. */
  sent: number;
  received: number;
  /** Packets, likewise. Live only: it is not kept. */
  packets?: [number, number] | undefined;
}

export interface CircuitRecords {
  add(circuit: CircuitRecord): Promise<void>;
  /** Those that have not ended. */
  list(): Promise<CircuitRecord[]>;
  joined(id: CircuitId): Promise<void>;
  end(circuit: CircuitRecord, at: Date, code: ErrorCode): Promise<void>;
}

export interface AuditRecord {
  at: Date;
  actor: string;
  origin: string | null;
  action: string;
  subject: string | null;
  code: ErrorCode | null;
  detail: Record<string, unknown>;
}

/** An event in its place in the chain. */
export interface ChainedEvent extends AuditRecord {
  id: number;
  previous: string;
  hash: string;
}

/** What events are looked up by, besides their own fields. */
export interface AuditLookup {
  portal: string | null;
  peer: string | null;
  pair: string | null;
  stream: string | null;
}

export interface AuditQuery {
  since?: Date | undefined;
  until?: Date | undefined;
  /** On either side. */
  portal?: string | undefined;
  pair?: string | undefined;
  /** Null: those without. */
  code?: ErrorCode | null | undefined;
  action?: string | undefined;
  subject?: string | undefined;
  stream?: string | undefined;
}

export interface AuditRecords {
  /** Takes the next ids and answers the last event before them. Whoever else wants some waits for the end of this transaction. */
  reserve(count: number): Promise<{ id: number; hash: string }>;
  append(events: readonly (ChainedEvent & AuditLookup)[]): Promise<void>;
  /** Newest first, of those between these ids. */
  list(
    query: AuditQuery & { limit: number; before?: number | undefined; after?: number | undefined },
  ): Promise<ChainedEvent[]>;
  /** Oldest first, from after this id on. */
  listAfter(query: AuditQuery, page: { after: number; limit: number }): Promise<ChainedEvent[]>;
  /** The last event; undefined before the first. */
  last(): Promise<ChainedEvent | undefined>;
  find(id: number): Promise<ChainedEvent | undefined>;
  /** What is known of these streams. */
  ofStreams(streams: readonly string[]): Promise<ChainedEvent[]>;
  /** The last event of those, oldest first, that are all from before `time`; at most `limit`. */
  lastBefore(time: Date, limit: number): Promise<ChainedEvent | undefined>;
  /** Removes every event up to this one, and answers how many there were. */
  prune(through: number): Promise<number>;
  /** Events from before the chain was, oldest first. */
  unchained(limit: number): Promise<ChainedEvent[]>;
  chain(event: ChainedEvent & AuditLookup): Promise<void>;
}
