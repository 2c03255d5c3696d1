import type { Name, Role, Scope } from '@netport/protocol';

/** What is kept of who may ask, and of who is signed in. */
export interface SignInRecords {
  apiTokens: ApiTokenRecords;
  localAdmins: LocalAdminRecords;
  adminSessions: AdminSessionRecords;
}

export interface ApiTokenRecord {
  id: string;
  name: Name;
  hash: Uint8Array;
  role: Role;
  /** Null: all that its role may. */
  scopes: readonly Scope[] | null;
  createdAt: Date;
  /** Null: it does not end by itself. */
  expiresAt: Date | null;
  lastUsedAt: Date | null;
}

export interface ApiTokenRecords {
  /** Throws `already_exists`. */
  add(token: ApiTokenRecord): Promise<void>;
  find(hash: Uint8Array): Promise<ApiTokenRecord | undefined>;
  list(): Promise<ApiTokenRecord[]>;
  used(id: string, at: Date): Promise<void>;
  /** With its sessions. False where there is none of this name. */
  remove(name: string): Promise<boolean>;
}

export interface LocalAdminRecord {
  id: string;
  name: Name;
  role: Role;
  passwordHash: string;
  createdAt: Date;
  lastSignInAt: Date | null;
}

export interface LocalAdminRecords {
  /** Throws `already_exists`. */
  add(admin: LocalAdminRecord): Promise<void>;
  find(name: string): Promise<LocalAdminRecord | undefined>;
  list(): Promise<LocalAdminRecord[]>;
  update(id: string, change: Partial<Pick<LocalAdminRecord, 'role' | 'passwordHash' | 'lastSignInAt'>>): Promise<void>;
  /** With his sessions. */
  remove(id: string): Promise<void>;
}

/** Whom a session stands for: its role is that of its token or local admin as it is now, or the one that it was given. */
export type SessionHolder = { tokenId: string } | { adminId: string } | { role: Role };

export interface AdminSessionRecord {
  hash: string;
  actor: string;
  role: Role;
  /** Those of its token. */
  scopes: readonly Scope[] | null;
  seenAt: Date;
  /** Its own end, or that of its token. */
  expiresAt: Date;
}

export interface AdminSessionRecords {
  add(session: Omit<AdminSessionRecord, 'role' | 'scopes'> & { createdAt: Date; holder: SessionHolder }): Promise<void>;
  find(hash: string): Promise<AdminSessionRecord | undefined>;
  seen(hash: string, at: Date): Promise<void>;
  remove(hash: string): Promise<void>;
  /** Every session of an actor, but for the one with this hash. */
  removeOf(actor: string, but?: string): Promise<number>;
  /** Those that expired by `now`, or were not seen since `unseenSince`. */
  removeEnded(now: Date, unseenSince: Date): Promise<void>;
}
