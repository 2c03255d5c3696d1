import { z } from 'zod';
import { portSchema } from './address.js';
import { errorCodes, NetportError } from './errors.js';
import { limits } from './limits.js';
import { circuitIdSchema, nameSchema, pairIdSchema, spiffeIdSchema } from './names.js';
import { protocolSchema, timestampSchema } from './policy.js';
import { streamBatchSchema, streamsKeptSchema } from './stream-report.js';

/**
 * The control channel: JSON messages over a WebSocket, subprotocol `netport.v1`. Portals and relays use the same
 * channel with different message sets. `id` joins a request to its one answer (or `error`). Unknown fields are ignored.
 */
export const controlSubprotocol = 'netport.v1';

const requestId = z.int().nonnegative();
const bytes = z.int().nonnegative();
const code = z.enum(errorCodes);
const textLength = 1024;
const text = z.string().max(textLength);
const legToken = z.string().regex(/^[A-Za-z0-9_-]{43}$/, '32 bytes in base64url');
export const transportSchema = z.enum(['tcp', 'udp']);
export type Transport = z.infer<typeof transportSchema>;

/** W3C Trace Context: the sender's place in a trace that the receiver may go on with. */
const traceparent = z.string().regex(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/, 'W3C Trace Context, version 00');

export const errorMessage = z.object({ type: z.literal('error'), id: requestId.optional(), code, message: text });

/** The relays that a portal measures its round trip to: a TCP connect to the probe port, closed at once. */
const relayProbe = z.object({ relay: nameSchema, host: z.string(), port: portSchema });

const tunnelInfo = z.object({
  peer: spiffeIdSchema,
  role: z.enum(['client', 'server']),
  transport: z.enum(['tcp', 'quic']),
  path: z.enum(['relayed', 'direct']),
  relay: z.string(),
  circuitId: circuitIdSchema,
  streams: z.int(),
  bytesSent: bytes,
  bytesReceived: bytes,
  rttMs: z.number().optional(),
  /** Of the packets that the portal has sent, and bytes that may be in flight: only where the transport tells. */
  lossPercent: z.number().min(0).max(100).optional(),
  congestionWindow: bytes.optional(),
  /** One line for people: why this transport. Only from the portal that chose. */
  reason: z.string().max(limits.reasonCharacters).optional(),
  since: timestampSchema,
});
export type TunnelInfo = z.infer<typeof tunnelInfo>;

const streamInfo = z.object({
  pair: pairIdSchema,
  peer: spiffeIdSchema,
  /** `outgoing` at the portal that listens, `incoming` at the one that dials. */
  direction: z.enum(['outgoing', 'incoming']),
  protocol: protocolSchema,
  transport: z.enum(['tcp', 'quic']),
  source: z.string(),
  target: z.string().optional(),
  bytesSent: bytes,
  bytesReceived: bytes,
  /** UDP: datagrams that the tunnel could not take at this portal. */
  dropped: bytes.optional(),
  since: timestampSchema,
});
export type StreamInfo = z.infer<typeof streamInfo>;

const fingerprint = z.string().regex(/^[0-9a-f]{64}$/, 'SHA-256 in hexadecimal');

/**
 * The CA certificates of the trust domain, as EST `cacerts` has them: while one root takes the place of another both, and each one's
 * key certified by the other. The answer is `trusts`.
 */
const trustMessage = z.object({
  type: z.literal('trust'),
  /** PEM, in any order. */
  authorities: z.string().max(limits.authoritiesBytes),
  /** The root whose issuing CA issues certificates now: who has one of another root renews it… */
  issuing: fingerprint,
  /** …within this time, at a random moment. Milliseconds. */
  renewWithin: z.int().nonnegative().max(limits.leafLifetime),
});
export type TrustMessage = z.infer<typeof trustMessage>;

/** Whom this side trusts, and which root its certificate is of: said whenever `trust` comes, and when either changes. */
const trustsMessage = z.object({
  type: z.literal('trusts'),
  roots: z.array(fingerprint).min(1).max(8),
  certifiedBy: fingerprint,
});
export type TrustsMessage = z.infer<typeof trustsMessage>;

/** What a portal saw that the control server cannot see. `stream.denied` and `stream.failed` carry a code. */
const portalEvent = z.object({
  type: z.literal('event'),
  action: z.enum(['stream.denied', 'stream.failed', 'tunnel.failed', 'policy.refused']),
  code,
  message: text,
  pair: pairIdSchema.optional(),
  peer: spiffeIdSchema.optional(),
  source: z.string().max(256).optional(),
  at: timestampSchema,
});
export type PortalEvent = z.infer<typeof portalEvent>;

const listenerStatus = z.object({
  type: z.literal('listeners'),
  /** The policy version that this is the result of. */
  version: z.int(),
  failed: z.array(z.object({ pair: pairIdSchema, code, message: text })),
});

/** portal → control server */
export const portalMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), version: z.string().max(64), policyVersion: z.int().nonnegative() }),
  z.object({
    type: z.literal('circuit.request'),
    id: requestId,
    peer: spiffeIdSchema,
    transport: transportSchema,
    /** Relays that just failed this portal: taken only where no other is left. */
    avoid: z.array(nameSchema).max(16).default([]),
    /** A UDP circuit of this portal with that peer, under a tunnel that is to go on over the new one. */
    replaces: circuitIdSchema.optional(),
    traceparent: traceparent.optional(),
  }),
  /** A circuit that this portal asked for, and does not need after all. */
  z.object({ type: z.literal('circuit.close'), circuitId: circuitIdSchema }),
  listenerStatus,
  z.object({ type: z.literal('relay.rtt'), rttMs: z.record(nameSchema, z.number().nonnegative()) }),
  z.object({
    type: z.literal('inspection'),
    id: requestId,
    tunnels: z.array(tunnelInfo).max(limits.inspectionEntries),
    streams: z.array(streamInfo).max(limits.inspectionEntries),
  }),
  portalEvent,
  /** What became of a `probe`. */
  z.object({
    type: z.literal('probed'),
    id: requestId,
    code: code.optional(),
    message: text,
    ms: z.number().nonnegative(),
  }),
  streamBatchSchema,
  trustsMessage,
  errorMessage,
]);
export type PortalMessage = z.infer<typeof portalMessageSchema>;

const legOffer = z.object({
  circuitId: circuitIdSchema,
  transport: transportSchema,
  peer: spiffeIdSchema,
  /** Who is TLS client, and so opens the streams: the portal that asked. */
  role: z.enum(['client', 'server']),
  relay: nameSchema,
  host: z.string(),
  port: portSchema,
  /** Of the same relay: for a portal whose firewall does not let it reach `port`. Only TCP. */
  legPort: portSchema.optional(),
  token: legToken,
  expiresAt: timestampSchema,
  /** The circuit whose tunnel goes on over this one; none is built anew. */
  replaces: circuitIdSchema.optional(),
  traceparent: traceparent.optional(),
});
export type LegOffer = z.infer<typeof legOffer>;

/** control server → portal */
export const portalCommandSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('welcome'), time: timestampSchema, relays: z.array(relayProbe) }),
  /** A compact JWS (RFC 7515, ES256, `x5c`) whose payload is a policy document. */
  z.object({ type: z.literal('policy'), jws: z.string() }),
  /** The revocation list, DER in base64. */
  z.object({ type: z.literal('crl'), der: z.base64() }),
  z.object({ type: z.literal('relays'), relays: z.array(relayProbe) }),
  /** The answer to `circuit.request` carries its `id`; the other portal gets the same without. */
  z.object({ type: z.literal('circuit.offer'), id: requestId.optional(), leg: legOffer }),
  z.object({ type: z.literal('circuit.closed'), circuitId: circuitIdSchema, code }),
  /** Its relay is going to stop. It still forwards: a tunnel over UDP goes on over another circuit, one over TCP takes no more streams. */
  z.object({ type: z.literal('circuit.leave'), circuitId: circuitIdSchema }),
  z.object({ type: z.literal('inspect'), id: requestId }),
  /** Try this portal's side of a pair in force: its target (a connection that is closed at once), or the tunnel to its peer. */
  z.object({ type: z.literal('probe'), id: requestId, pair: pairIdSchema }),
  streamsKeptSchema,
  trustMessage,
  errorMessage,
]);
export type PortalCommand = z.infer<typeof portalCommandSchema>;

const legCounters = z.object({
  circuitId: circuitIdSchema,
  datapath: z.enum(['userspace', 'xdp', 'tc']),
  /** Bytes that came in from the leg of the first and of the second port. */
  bytes: z.tuple([bytes, bytes]),
  /** Packets, likewise; only where the relay forwards packets and not bytes. */
  packets: z.tuple([bytes, bytes]).optional(),
});
export type LegCounters = z.infer<typeof legCounters>;

/** relay → control server */
export const relayMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    version: z.string().max(64),
    /** What portals dial. */
    address: z.string().min(1).max(253),
    probePort: portSchema,
    /** Takes the TCP legs of every circuit, beside each leg's own port. */
    legPort: portSchema.optional(),
    capacity: z.int().nonnegative(),
    datapath: z.enum(['userspace', 'xdp']),
    /** One line: what this datapath does without, and why. */
    datapathReason: text.optional(),
    /** Circuits that still run from before a control outage. */
    circuits: z.array(circuitIdSchema),
  }),
  z.object({
    type: z.literal('circuit.opened'),
    id: requestId,
    circuitId: circuitIdSchema,
    ports: z.tuple([portSchema, portSchema]),
  }),
  z.object({ type: z.literal('circuit.joined'), circuitId: circuitIdSchema }),
  /** It is going to stop: it opens no circuits any more, and those that run end with it. */
  z.object({ type: z.literal('draining') }),
  z.object({ type: z.literal('circuit.ended'), counters: legCounters, code }),
  z.object({ type: z.literal('counters'), circuits: z.array(legCounters) }),
  trustsMessage,
  errorMessage,
]);
export type RelayMessage = z.infer<typeof relayMessageSchema>;

/** control server → relay */
export const relayCommandSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('welcome'), time: timestampSchema }),
  z.object({ type: z.literal('crl'), der: z.base64() }),
  z.object({
    type: z.literal('circuit.open'),
    id: requestId,
    circuitId: circuitIdSchema,
    transport: transportSchema,
    tokens: z.tuple([legToken, legToken]),
  }),
  z.object({ type: z.literal('circuit.close'), circuitId: circuitIdSchema }),
  z.object({ type: z.literal('report') }),
  trustMessage,
  errorMessage,
]);
export type RelayCommand = z.infer<typeof relayCommandSchema>;

const typedSchema = z.object({ type: z.string() });
const identifiedSchema = z.object({ id: requestId });

/**
 * One message of a set. Throws `too_large`, `protocol_error` (no JSON, no `type`, a field is wrong: the message says
 * which) or `unknown_message`.
 */
export function decodeMessage<Message extends { type: string }>(
  schema: z.ZodDiscriminatedUnion<readonly z.core.$ZodTypeDiscriminable[]> & z.ZodType<Message>,
  data: string,
): Message {
  if (data.length > limits.controlMessageBytes) throw new NetportError('too_large', `message of ${data.length} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch (cause) {
    throw new NetportError('protocol_error', 'the message is not JSON', { cause });
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const typed = typedSchema.safeParse(json);
  if (!typed.success) throw new NetportError('protocol_error', 'the message has no type');
  const { type } = typed.data;
  const issue = result.error.issues[0];
  if (issue?.code === 'invalid_union') throw new NetportError('unknown_message', quote(`unknown type ${type}`));
  throw new NetportError('protocol_error', quote(`${type}: ${issue?.path.join('.')}: ${issue?.message}`));
}

/** What quotes the peer must fit into an `error` message. */
const quote = (message: string): string => message.slice(0, textLength);

const answers: ReadonlySet<string> = new Set(['circuit.offer', 'circuit.opened', 'inspection', 'probed', 'error']);

/** The two ends count their requests apart: the other end's request may bear the `id` of one that waits here. */
export const answeredId = ({ type, id }: { type: string; id?: number | undefined }): number | undefined =>
  answers.has(type) ? id : undefined;

/** The `id` of a message that could not be decoded, so that its error reply finds the request. */
export function messageId(data: string): number | undefined {
  try {
    return identifiedSchema.parse(JSON.parse(data)).id;
  } catch {
    return undefined;
  }
}
