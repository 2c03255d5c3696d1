import { z } from 'zod';
import { nameSchema } from './names.js';
import { timestampSchema } from './policy.js';

/**
 * The certificate authority, and how one root takes the place of another: `published` (the new root is told to everybody, who
 * then trusts both), `reissuing` (certificates come from the new one), and back to `stable` when the old one is retired.
 */
export const rolloverPhases = ['stable', 'published', 'reissuing'] as const;
export type RolloverPhase = (typeof rolloverPhases)[number];

/** What leads from one phase to the next. `cancel` takes a new root back that nothing was issued under yet. */
export const rolloverSteps = ['publish', 'reissue', 'retire', 'cancel'] as const;
export type RolloverStep = (typeof rolloverSteps)[number];

const fingerprint = z.string().regex(/^[0-9a-f]{64}$/, 'SHA-256 in hexadecimal');

export const rootSchema = z.object({
  /** SHA-256 of the certificate, as join tokens carry it. */
  fingerprint,
  state: z.enum(['current', 'next', 'retiring']),
  notBefore: timestampSchema,
  notAfter: timestampSchema,
  pem: z.string(),
  /** A new root's key, certified by the root before it (RFC 4210 §4.4, NewWithOld). */
  linkPem: z.string().optional(),
});
export type RootView = z.infer<typeof rootSchema>;

/**
 * How far one portal or relay is. `none`: it has no certificate, so nothing is waited for. `old`: it does not know the new root.
 * `both`: it trusts both. `new`: its certificate is from the new root, or, when no root is being replaced, from the only one.
 */
export const memberTrustSchema = z.object({
  kind: z.enum(['portal', 'relay']),
  name: nameSchema,
  online: z.boolean(),
  lastSeenAt: timestampSchema.nullable(),
  state: z.enum(['none', 'old', 'both', 'new']),
});
export type MemberTrust = z.infer<typeof memberTrustSchema>;

export const authoritySchema = z.object({
  phase: z.enum(rolloverPhases),
  /** Since when. */
  since: timestampSchema,
  roots: z.array(rootSchema),
  /** Every portal and relay, by kind and name. */
  members: z.array(memberTrustSchema),
  /** The step that would come now. */
  next: z.enum(rolloverSteps),
  /** Who is not there yet for that step: it takes `force` to go on without them. */
  waitingFor: z.array(z.object({ kind: z.enum(['portal', 'relay']), name: nameSchema })),
});
export type AuthorityView = z.infer<typeof authoritySchema>;

export const rolloverSchema = z.strictObject({
  step: z.enum(rolloverSteps),
  /** Go on although some are not there yet; `retire` then cuts them off until they get a new join token. */
  force: z.boolean().default(false),
});
export type Rollover = z.input<typeof rolloverSchema>;

export const authorityEndpoints = {
  show: {
    method: 'get',
    path: '/authority',
    summary: 'Show the root CAs, and how far each portal and relay is when one replaces another',
    answer: authoritySchema,
  },
  rollover: {
    method: 'post',
    path: '/authority/rollover',
    summary: 'Take the next step in replacing the root CA',
    body: rolloverSchema,
    answer: authoritySchema,
  },
} as const;
