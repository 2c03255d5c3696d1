import { z } from 'zod';
import { addressSchema, portSchema } from './address.js';
import { errorCodes } from './errors.js';
import { nameSchema } from './names.js';
import { protocolSchema, timestampSchema } from './policy.js';

/** Why a connection works, is denied or fails. */

/** What an application's connection passes, in order; `portal` is the one that listens, `peer` the one that dials. */
export const hopNames = ['listener', 'pair', 'portal', 'peer', 'relay', 'tunnel', 'target'] as const;
export type HopName = (typeof hopNames)[number];

const code = z.enum(errorCodes);

const hopSchema = z.object({
  hop: z.enum(hopNames),
  state: z.enum(['ok', 'failed', 'warning', 'unknown']),
  code: code.nullable(),
  message: z.string(),
  /** Since when, when it was seen last, or when it will change. */
  at: timestampSchema.nullable(),
});
export type Hop = z.infer<typeof hopSchema>;

const causeSchema = z.object({ code, message: z.string(), help: z.string() });
export type Cause = z.infer<typeof causeSchema>;

const questionShape = {
  portal: nameSchema,
  /** Any address, unless given. */
  address: addressSchema.optional(),
  protocol: protocolSchema.default('tcp'),
};
const portOrSocket = (context: z.core.ParsePayload<{ address?: string | undefined; port?: number | undefined }>) => {
  const { address, port } = context.value;
  const unix = address?.startsWith('unix:') ?? false;
  if (unix === (port === undefined)) return;
  const message = unix ? 'a unix socket has no port' : 'a port is required';
  context.issues.push({ code: 'custom', path: ['port'], message, input: port });
};

/** Where an application connects to, at which portal. */
export const explainQuerySchema = z
  .strictObject({ ...questionShape, port: z.coerce.number().pipe(portSchema).optional() })
  .check(portOrSocket);
export const explainBodySchema = z.strictObject({ ...questionShape, port: portSchema.optional() }).check(portOrSocket);
export type ExplainQuestion = z.infer<typeof explainBodySchema>;

export const explanationSchema = z.object({
  at: timestampSchema,
  question: z.object({
    portal: nameSchema,
    address: z.string().nullable(),
    port: z.int().nullable(),
    protocol: protocolSchema,
  }),
  /** `works` only where something was seen to work; `unknown` where nothing is wrong, and nothing was seen either. */
  verdict: z.enum(['works', 'denied', 'broken', 'unknown']),
  cause: causeSchema.nullable(),
  /** The access pair that it is about. */
  pair: z.string().nullable(),
  /** Without a pair: those that come close, and in what they differ; the closest first. */
  nearest: z.array(z.object({ pair: z.string(), difference: z.string() })),
  /** In the order of `hopNames`. */
  hops: z.array(hopSchema),
});
export type Explanation = z.infer<typeof explanationSchema>;

const happeningSchema = z.object({
  id: z.int(),
  at: timestampSchema,
  actor: z.string(),
  action: z.string(),
});
export type Happening = z.infer<typeof happeningSchema>;

/** What is true now, as of any connection, and what was when it happened. */
export const eventExplanationSchema = explanationSchema.extend({
  event: happeningSchema.extend({
    subject: z.string().nullable(),
    /** Where it went wrong; null when nothing did, or when that is no hop of a connection. */
    hop: z.enum(hopNames).nullable(),
    cause: causeSchema.nullable(),
    /** How the access pair stood at that time, as far as the trail tells. */
    pair: z.string().nullable(),
    /** What was done to the access pair, before and after; oldest first. */
    history: z.array(happeningSchema),
  }),
});
export type EventExplanation = z.infer<typeof eventExplanationSchema>;

export const explainEndpoints = {
  explain: {
    ask: {
      method: 'get',
      path: '/explain',
      summary: 'Why a connection works, is denied or fails: each hop, and the first cause',
      query: explainQuerySchema,
      answer: explanationSchema,
    },
    probe: {
      method: 'post',
      path: '/explain',
      summary: 'The same, after the portals have tried: one builds the tunnel, the other connects to the target',
      body: explainBodySchema,
      answer: explanationSchema,
    },
    event: {
      method: 'get',
      path: '/audit/:id/explain',
      summary: 'What an audit event was about, what was true then, and what is true now',
      answer: eventExplanationSchema,
    },
  },
} as const;
