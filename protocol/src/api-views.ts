import { z } from 'zod';
import { errorCodes } from './errors.js';
import { labelsSchema } from './label.js';
import { circuitIdSchema, nameSchema, spiffeIdSchema, uuidSchema } from './names.js';
import { accessPairSchema, protocolSchema, timestampSchema } from './policy.js';
import { scheduleSchema } from './schedule.js';
import { transportSchema } from './signal.js';

/** What the admin API shows. */

const bytes = z.int().nonnegative();

export const certificateSummarySchema = z.object({
  serial: z.string(),
  subject: spiffeIdSchema,
  notBefore: timestampSchema,
  notAfter: timestampSchema,
  revokedAt: timestampSchema.optional(),
});
export type CertificateSummary = z.infer<typeof certificateSummarySchema>;

const memberShape = {
  name: nameSchema,
  labels: labelsSchema,
  id: spiffeIdSchema,
  online: z.boolean(),
  lastSeenAt: timestampSchema.nullable(),
  /** Where its control session comes from; for a relay, what portals dial. */
  address: z.string().nullable(),
  version: z.string().nullable(),
  createdAt: timestampSchema,
  certificateExpiresAt: timestampSchema.nullable(),
};
export const portalSchema = z.object({ ...memberShape, policyVersion: z.int().nullable() });
export type PortalView = z.infer<typeof portalSchema>;
export const relaySchema = z.object({
  ...memberShape,
  datapath: z.enum(['userspace', 'xdp']).nullable(),
  /** What this datapath does without, and why; null when nothing is lacking. */
  datapathReason: z.string().nullable(),
  circuits: z.int(),
  capacity: z.int().nullable(),
});
export type RelayView = z.infer<typeof relaySchema>;

export const tokenSchema = z.object({
  id: uuidSchema,
  kind: z.enum(['portal', 'relay']),
  name: nameSchema,
  state: z.enum(['open', 'used', 'expired']),
  createdAt: timestampSchema,
  expiresAt: timestampSchema,
  usedAt: timestampSchema.nullable(),
});
export type TokenView = z.infer<typeof tokenSchema>;

export const pairStates = ['active', 'listener_failed', 'peer_offline', 'disabled', 'expired'] as const;
export const pairSchema = accessPairSchema.extend({
  state: z.enum(pairStates),
  /** Why it is not active: a code and a sentence. */
  error: z.object({ code: z.enum(errorCodes), message: z.string() }).nullable(),
  /** Grows with each change; also the ETag of its answers. */
  revision: z.int().positive(),
  /** The document that made it; absent where it was made by hand. */
  grant: nameSchema.optional(),
  /** When in the week it is in force; absent: always. */
  schedule: scheduleSchema.optional(),
  createdAt: timestampSchema,
});
export type PairView = z.infer<typeof pairSchema>;

export const circuitSchema = z.object({
  id: circuitIdSchema,
  from: nameSchema,
  to: nameSchema,
  transport: transportSchema,
  relay: nameSchema,
  datapath: z.enum(['userspace', 'xdp', 'tc']),
  state: z.enum(['opening', 'joined', 'ended']),
  ports: z.tuple([z.int(), z.int()]),
  bytesSent: bytes,
  bytesReceived: bytes,
  /** Null where the relay forwards bytes, not packets. */
  packetsSent: z.int().nullable(),
  packetsReceived: z.int().nullable(),
  since: timestampSchema,
});
export type CircuitView = z.infer<typeof circuitSchema>;

export const tunnelSchema = z.object({
  from: nameSchema,
  to: nameSchema,
  transport: z.enum(['tcp', 'quic']),
  path: z.enum(['relayed', 'direct']),
  relay: z.string(),
  streams: z.int(),
  bytesSent: bytes,
  bytesReceived: bytes,
  rttMs: z.number().nullable(),
  /** Of the packets sent by `from`; null where the transport does not tell. */
  lossPercent: z.number().nullable(),
  /** Bytes that may be in flight; likewise. */
  congestionWindow: z.int().nullable(),
  /** Why this transport; null while `from` does not answer. */
  reason: z.string().nullable(),
  since: timestampSchema,
});
export type TunnelView = z.infer<typeof tunnelSchema>;

export const streamSchema = z.object({
  pair: z.string(),
  from: nameSchema,
  to: nameSchema,
  protocol: protocolSchema,
  transport: z.enum(['tcp', 'quic']),
  source: z.string(),
  target: z.string().nullable(),
  bytesSent: bytes,
  bytesReceived: bytes,
  /** Datagrams that found no room in the tunnel, at both ends; null for tcp. */
  dropped: z.int().nullable(),
  since: timestampSchema,
});
export type StreamView = z.infer<typeof streamSchema>;

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'SHA-256 in lower-case hexadecimal');

export const auditEventSchema = z.object({
  id: z.int(),
  at: timestampSchema,
  /** Who: a SPIFFE ID, `token:<name>`, `device-authority:<name>`, or `anonymous`. */
  actor: z.string(),
  /** From where: the address of the connection. */
  origin: z.string().nullable(),
  /** What: `pair.add`, `portal.enrol`, `circuit.deny`, … */
  action: z.string(),
  /** On what: a portal, relay, pair, token or circuit. */
  subject: z.string().nullable(),
  code: z.enum(errorCodes).nullable(),
  /** Of a change: `before` and `after`, as far as there is one. */
  detail: z.record(z.string(), z.unknown()),
  /** The hash of the event before, and of this one: see audit-chain.ts. */
  previous: sha256Schema,
  hash: sha256Schema,
});
export type AuditEventView = z.infer<typeof auditEventSchema>;
