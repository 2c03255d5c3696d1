import { z } from 'zod';
import { addressSchema, portSchema } from './address.js';
import { labelsSchema, selectorSchema } from './label.js';
import { limits } from './limits.js';
import { nameSchema } from './names.js';
import {
  noUdpOnUnixSockets,
  portGoesWithAddress,
  protocolSchema,
  timestampSchema,
  transportPreferenceSchema,
} from './policy.js';
import { reachSchema } from './reach.js';
import { scheduleSchema } from './schedule.js';

/** The documents that `netport apply` and Kubernetes read: `apiVersion`, `kind`, `metadata`, `spec`. */
export const documentVersion = 'netport.dev/v1';

/** `8000-8010`, both included. */
const portRangeSchema = z
  .string()
  .regex(/^[1-9]\d{0,4}-[1-9]\d{0,4}$/, 'use a port from 1 to 65535, or a range such as 8000-8010')
  .refine((text) => {
    const { first, last } = portRangeOf(text);
    return first < last && portSchema.safeParse(last).success;
  }, 'a range goes from a lower port to a higher one, up to 65535');

const documentPortSchema = z.union([portSchema, portRangeSchema], {
  error: 'use a port from 1 to 65535, or a range such as 8000-8010',
});
export type DocumentPort = z.infer<typeof documentPortSchema>;

/** First and last port of a port or a range. */
export function portRangeOf(port: DocumentPort): { first: number; last: number } {
  const [first, last = first] = String(port).split('-');
  return { first: Number(first), last: Number(last) };
}

/** Which portals: exactly one way to say it. */
const portalsSchema = z
  .strictObject({ label: selectorSchema.optional(), group: nameSchema.optional() })
  .refine((portals) => Object.keys(portals).length === 1, 'use one of label and group');
export type PortalSelection = z.infer<typeof portalsSchema>;

const side = { address: addressSchema, port: documentPortSchema.optional() };
const fromSchema = z
  .strictObject({ portal: nameSchema.optional(), portals: portalsSchema.optional(), ...side })
  .check((context) => portGoesWithAddress(context.value, context))
  .check((context) => {
    const { portal, portals } = context.value;
    if ((portal === undefined) !== (portals === undefined)) return;
    const message = portal === undefined ? 'portal or portals is required' : 'use either portal or portals';
    context.issues.push({ code: 'custom', path: ['portal'], message, input: context.value });
  });
const toSchema = z
  .strictObject({ portal: nameSchema, ...side })
  .check((context) => portGoesWithAddress(context.value, context));

const metadata = z.strictObject({ name: nameSchema });
const head = { apiVersion: z.literal(documentVersion, `apiVersion is ${documentVersion}`) };

export const pairDocumentSchema = z.strictObject({
  ...head,
  kind: z.literal('AccessPair'),
  metadata,
  spec: z
    .strictObject({
      protocol: protocolSchema.default('tcp'),
      from: fromSchema,
      to: toSchema,
      transport: transportPreferenceSchema.default('auto'),
      enabled: z.boolean().default(true),
      expiresAt: timestampSchema.optional(),
      schedule: scheduleSchema.optional(),
      /** Whoever applied it first, unless given. */
      owner: z.string().min(1).max(limits.pairOwnerCharacters).optional(),
      reason: z.string().max(limits.pairReasonCharacters).default(''),
    })
    .check(noUdpOnUnixSockets)
    .check((context) => {
      const { from, to } = context.value;
      if (widthOf(from.port) === widthOf(to.port)) return;
      const message = `from.port has ${widthOf(from.port)} and to.port ${widthOf(to.port)} of them: each port that is listened on needs one to dial`;
      context.issues.push({ code: 'custom', path: ['to', 'port'], message, input: to.port });
    }),
});
export type PairDocument = z.infer<typeof pairDocumentSchema>;

/** How many ports; one where there is none, because a unix socket is one thing to listen on. */
function widthOf(port: DocumentPort | undefined): number {
  if (port === undefined) return 1;
  const { first, last } = portRangeOf(port);
  return last - first + 1;
}

/** Portals by name, by label, or both together. */
export const groupDocumentSchema = z.strictObject({
  ...head,
  kind: z.literal('Group'),
  metadata,
  spec: z.strictObject({
    portals: z.array(nameSchema).max(limits.groupPortals).default([]),
    label: selectorSchema.optional(),
  }),
});
export type GroupDocument = z.infer<typeof groupDocumentSchema>;

/** A portal and its labels. One that is new needs a join token then: `netport portal token NAME`. */
export const portalDocumentSchema = z.strictObject({
  ...head,
  kind: z.literal('Portal'),
  metadata: z.strictObject({ name: nameSchema, labels: labelsSchema.default({}) }),
  spec: z.strictObject({}).default({}),
});
export type PortalDocument = z.infer<typeof portalDocumentSchema>;

/** What must be so, or must not, after every apply. */
export const testsDocumentSchema = z.strictObject({
  ...head,
  kind: z.literal('PolicyTests'),
  metadata,
  spec: z.strictObject({ tests: z.array(reachSchema).min(1).max(limits.policyTests) }),
});
export type TestsDocument = z.infer<typeof testsDocumentSchema>;

export const documentSchema = z.discriminatedUnion(
  'kind',
  [pairDocumentSchema, groupDocumentSchema, portalDocumentSchema, testsDocumentSchema],
  { error: 'kind is AccessPair, Group, Portal or PolicyTests' },
);
export type Document = z.infer<typeof documentSchema>;
export type DocumentKind = Document['kind'];

/** `AccessPair web`: what is unique among documents. */
export const documentKey = ({ kind, metadata }: Pick<Document, 'kind'> & { metadata: { name: string } }): string =>
  `${kind} ${metadata.name}`;
