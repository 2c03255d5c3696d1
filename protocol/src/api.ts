import { z } from 'zod';
import { errorCodes } from './errors.js';
import { limits } from './limits.js';
import { circuitIdSchema, nameSchema, spiffeIdSchema, uuidSchema } from './names.js';
import { accessPairSchema, addPairSchema, protocolSchema, timestampSchema } from './policy.js';
import { transportSchema } from './signal.js';

/** The admin API's bodies and its list of endpoints: the server's routers, the CLI and the OpenAPI document are made from it. */

const bytes = z.int().nonnegative();
const nothing = z.object({});

const certificateSummary = z.object({
  serial: z.string(),
  subject: spiffeIdSchema,
  notBefore: timestampSchema,
  notAfter: timestampSchema,
  revokedAt: timestampSchema.optional(),
});
export type CertificateSummary = z.infer<typeof certificateSummary>;

const memberShape = {
  name: nameSchema,
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

export const addMemberSchema = z.strictObject({ name: nameSchema });
export const addTokenSchema = z.strictObject({
  lifetimeSeconds: z
    .int()
    .min(1)
    .max(limits.joinTokenLifetimeMax / 1000)
    .optional(),
});
/** The only time that the token's text is shown. */
export const newTokenSchema = z.object({ name: nameSchema, token: z.string(), expiresAt: timestampSchema });
export type NewToken = z.infer<typeof newTokenSchema>;

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
  createdAt: timestampSchema,
});
export type PairView = z.infer<typeof pairSchema>;

export const changePairSchema = z.strictObject({ enabled: z.boolean() });

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

export const auditEventSchema = z.object({
  id: z.int(),
  at: timestampSchema,
  /** Who: a SPIFFE ID, `token:<name>`, or `anonymous`. */
  actor: z.string(),
  /** From where: the address of the connection. */
  origin: z.string().nullable(),
  /** What: `pair.add`, `portal.enrol`, `circuit.deny`, … */
  action: z.string(),
  /** On what: a portal, relay, pair, token or circuit. */
  subject: z.string().nullable(),
  code: z.enum(errorCodes).nullable(),
  detail: z.record(z.string(), z.unknown()),
});
export type AuditEventView = z.infer<typeof auditEventSchema>;

const auditQuery = z.object({
  limit: z.coerce.number().int().min(1).max(limits.apiPageSize).default(100),
  /** Only events older than this id: the `next` of the page before. */
  before: z.coerce.number().int().positive().optional(),
  action: z.string().optional(),
  subject: z.string().optional(),
});

const page = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next: z.int().optional() });

/** RFC 9457 problem details, with our `code` and one entry for each field that is wrong. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(errorCodes),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof problemSchema>;

export const whoamiSchema = z.object({ actor: z.string(), trustDomain: z.string(), version: z.string() });

export interface ApiEndpoint {
  method: 'get' | 'post' | 'patch' | 'delete';
  /** Express notation, below `/api/v1`. */
  path: string;
  summary: string;
  query?: z.ZodType;
  body?: z.ZodType;
  /** The largest body, where it is not `limits.apiBodyBytes`. */
  bodyBytes?: number;
  answer: z.ZodType;
  status?: 200 | 201;
}

const members = <Kind extends 'portal' | 'relay', View extends z.ZodType>(kind: Kind, view: View) =>
  ({
    list: { method: 'get', path: `/${kind}s`, summary: `List ${kind}s`, answer: page(view) },
    add: {
      method: 'post',
      path: `/${kind}s`,
      summary: `Add a ${kind} and make its join token`,
      body: addMemberSchema,
      answer: newTokenSchema,
      status: 201,
    },
    show: { method: 'get', path: `/${kind}s/:name`, summary: `Show one ${kind}`, answer: view },
    remove: {
      method: 'delete',
      path: `/${kind}s/:name`,
      summary: `Remove a ${kind}: revoke its certificates, end its sessions, and drop its access pairs`,
      answer: nothing,
    },
    token: {
      method: 'post',
      path: `/${kind}s/:name/tokens`,
      summary: `Make a new join token for a ${kind}`,
      body: addTokenSchema,
      answer: newTokenSchema,
      status: 201,
    },
    revoke: {
      method: 'post',
      path: `/${kind}s/:name/revoke`,
      summary: `Revoke every certificate of a ${kind} and end its sessions; a new join token lets it come back`,
      answer: nothing,
    },
  }) as const;

export const endpoints = {
  whoami: { method: 'get', path: '/whoami', summary: 'Who this token is', answer: whoamiSchema },
  portal: members('portal', portalSchema),
  relay: members('relay', relaySchema),
  token: {
    list: { method: 'get', path: '/tokens', summary: 'List join tokens', answer: page(tokenSchema) },
    remove: { method: 'delete', path: '/tokens/:id', summary: 'Withdraw a join token', answer: nothing },
  },
  pair: {
    list: { method: 'get', path: '/pairs', summary: 'List access pairs', answer: page(pairSchema) },
    add: {
      method: 'post',
      path: '/pairs',
      summary: 'Grant an access pair',
      body: addPairSchema,
      answer: pairSchema,
      status: 201,
    },
    show: { method: 'get', path: '/pairs/:name', summary: 'Show one access pair', answer: pairSchema },
    change: {
      method: 'patch',
      path: '/pairs/:name',
      summary: 'Enable or disable an access pair',
      body: changePairSchema,
      answer: pairSchema,
    },
    remove: { method: 'delete', path: '/pairs/:name', summary: 'Withdraw an access pair', answer: nothing },
  },
  circuit: { list: { method: 'get', path: '/circuits', summary: 'List live circuits', answer: page(circuitSchema) } },
  tunnel: { list: { method: 'get', path: '/tunnels', summary: 'List live tunnels', answer: page(tunnelSchema) } },
  stream: { list: { method: 'get', path: '/streams', summary: 'List live streams', answer: page(streamSchema) } },
  audit: {
    list: {
      method: 'get',
      path: '/audit',
      summary: 'Query the audit trail, newest first',
      query: auditQuery,
      answer: page(auditEventSchema),
    },
  },
  certificate: {
    list: {
      method: 'get',
      path: '/certificates',
      summary: 'List issued certificates',
      answer: page(certificateSummary),
    },
  },
} as const satisfies Record<string, ApiEndpoint | Record<string, ApiEndpoint>>;

export type BodyOf<E> = E extends { body: infer B extends z.ZodType } ? z.input<B> : undefined;
export type AnswerOf<E> = E extends { answer: infer A extends z.ZodType } ? z.output<A> : never;
