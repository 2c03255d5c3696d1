import { z } from 'zod';
import { addressSchema, formatEndpoint, portSchema } from './address.js';
import { limits } from './limits.js';
import { nameSchema, pairIdSchema, spiffeIdSchema, trustDomainSchema } from './names.js';
import { scheduleSchema } from './schedule.js';

export const protocolSchema = z.enum(['tcp', 'udp']);
export type Protocol = z.infer<typeof protocolSchema>;

/** What tunnels should run over: of a portal, what it may use at all; of an access pair, what suits it where there is a choice. */
export const transportPreferences = ['auto', 'tcp', 'quic'] as const;
export const transportPreferenceSchema = z.enum(transportPreferences);
export type TransportPreference = z.infer<typeof transportPreferenceSchema>;

export const timestampSchema = z.iso.datetime({ message: 'use an ISO 8601 time in UTC, such as 2030-01-31T12:00:00Z' });

const endpointShape = { address: addressSchema, port: portSchema.optional() };
export const portGoesWithAddress = (
  endpoint: { address: string; port?: number | string | undefined },
  context: z.core.ParsePayload,
): void => {
  const unix = endpoint.address.startsWith('unix:');
  if (unix === (endpoint.port !== undefined)) {
    const message = unix ? 'a unix socket has no port' : 'a port is required';
    context.issues.push({ code: 'custom', path: ['port'], message, input: endpoint });
  }
};

/** One side of an access pair: a port-address tuple at a portal. */
export const endpointSchema = z
  .object({ portal: nameSchema, ...endpointShape })
  .check((context) => portGoesWithAddress(context.value, context));
export type Endpoint = z.infer<typeof endpointSchema>;

/** What no schema of one field can see. */
export const noUdpOnUnixSockets = (
  context: z.core.ParsePayload<{ protocol: Protocol; from: { address: string }; to: { address: string } }>,
): void => {
  const { protocol, from, to } = context.value;
  if (protocol !== 'udp') return;
  for (const [side, endpoint] of Object.entries({ from, to })) {
    if (!endpoint.address.startsWith('unix:')) continue;
    const message = 'a unix socket carries no udp';
    context.issues.push({ code: 'custom', path: [side, 'address'], message, input: endpoint.address });
  }
};

/** What an admin says of an access pair; all but the name can be changed later. */
const pairSettings = {
  protocol: protocolSchema,
  from: endpointSchema,
  to: endpointSchema,
  transport: transportPreferenceSchema,
  enabled: z.boolean(),
  /** Who answers for it. */
  owner: z.string().trim().min(1, 'name who answers for it').max(limits.pairOwnerCharacters),
  reason: z.string().trim().max(limits.pairReasonCharacters),
  expiresAt: timestampSchema,
};

export const addPairSchema = z
  .strictObject({
    name: nameSchema,
    ...pairSettings,
    protocol: protocolSchema.default('tcp'),
    transport: transportPreferenceSchema.default('auto'),
    enabled: z.boolean().default(true),
    /** Who grants it, unless given. */
    owner: pairSettings.owner.optional(),
    reason: pairSettings.reason.default(''),
    expiresAt: timestampSchema.optional(),
    /** When in the week it is in force; absent: always. */
    schedule: scheduleSchema.optional(),
  })
  .check(noUdpOnUnixSockets);
export type AddPair = z.infer<typeof addPairSchema>;

export const changePairSchema = z
  .strictObject({ ...pairSettings, expiresAt: timestampSchema.nullable(), schedule: scheduleSchema.nullable() })
  .partial()
  .refine((change) => Object.keys(change).length > 0, {
    message: 'name a field to change',
    when: ({ issues }) => issues.length === 0,
  });
export type ChangePair = z.infer<typeof changePairSchema>;

/** `from` is where one portal listens, `to` is what the other dials. */
export const accessPairSchema = z.object({
  id: pairIdSchema,
  name: nameSchema,
  ...pairSettings,
  expiresAt: timestampSchema.optional(),
});
export type AccessPair = z.infer<typeof accessPairSchema>;

/** What one portal is told of one access pair: its own side, and who is at the other. Never the other side's address. */
export const policyRuleSchema = z
  .object({
    pair: pairIdSchema,
    name: nameSchema,
    protocol: protocolSchema,
    peer: spiffeIdSchema,
    ...endpointShape,
    /** Only at the portal that listens, which chooses; `auto` unless given. */
    transport: transportPreferenceSchema.optional(),
    expiresAt: timestampSchema.optional(),
  })
  .check((context) => portGoesWithAddress(context.value, context));
export type PolicyRule = z.infer<typeof policyRuleSchema>;

/**
 * The whole of what one portal may do. Its peers are the `peer`s of its rules. `version` grows with every change that
 * any portal could notice; a portal refuses to go back.
 */
export const policyDocumentSchema = z.object({
  version: z.int().nonnegative(),
  trustDomain: trustDomainSchema,
  portal: nameSchema,
  issuedAt: timestampSchema,
  listeners: z.array(policyRuleSchema),
  targets: z.array(policyRuleSchema),
});
export type PolicyDocument = z.infer<typeof policyDocumentSchema>;

/** The key under which two pairs collide: one portal cannot listen twice on one address, port and protocol. */
export const listenerKey = (rule: { protocol: Protocol; address: string; port?: number | undefined }): string =>
  `${rule.protocol} ${formatEndpoint(rule)}`;
