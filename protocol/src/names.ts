import { z } from 'zod';

/** A portal, relay or access pair name: a DNS label (RFC 1123), so that it fits into a SPIFFE ID and a host name. */
export const nameSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'use 1 to 63 of a–z, 0–9 and -, not - at either end')
  .brand<'Name'>();
export type Name = z.infer<typeof nameSchema>;

/** SPIFFE trust domain: lower-case letters, digits, dots, dashes, underscores (SPIFFE-ID §2.1). */
export const trustDomainSchema = z
  .string()
  .regex(/^[a-z0-9._-]{1,255}$/, 'use a–z, 0–9, dot, dash and underscore')
  .brand<'TrustDomain'>();
export type TrustDomain = z.infer<typeof trustDomainSchema>;

export const identityKinds = ['portal', 'relay', 'control', 'admin'] as const;
export type IdentityKind = (typeof identityKinds)[number];

const spiffePattern =
  /^spiffe:\/\/([a-z0-9._-]{1,255})\/(portal|relay|control|admin)\/([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$/;

/** `spiffe://<trust-domain>/<kind>/<name>`: exactly this form, no other path, query, port or upper case. */
export const spiffeIdSchema = z.string().regex(spiffePattern, 'not a Netport SPIFFE ID').brand<'SpiffeId'>();
export type SpiffeId = z.infer<typeof spiffeIdSchema>;

export interface Identity {
  trustDomain: TrustDomain;
  kind: IdentityKind;
  name: Name;
}

export const formatSpiffeId = ({ trustDomain, kind, name }: Identity): SpiffeId =>
  `spiffe://${trustDomain}/${kind}/${name}` as SpiffeId;

/** The parts of a SPIFFE ID, or undefined where it is not one of ours. */
export function parseSpiffeId(text: string): Identity | undefined {
  const match = spiffePattern.exec(text);
  if (!match) return undefined;
  const [, trustDomain, kind, name] = match;
  return { trustDomain: trustDomain as TrustDomain, kind: kind as IdentityKind, name: name as Name };
}

/** Ids that the control server makes: UUIDs in lower case. */
export const uuidSchema = z.string().regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'not a UUID');
export const pairIdSchema = uuidSchema.brand<'PairId'>();
export type PairId = z.infer<typeof pairIdSchema>;
export const streamIdSchema = uuidSchema.brand<'StreamId'>();
export type StreamId = z.infer<typeof streamIdSchema>;
export const circuitIdSchema = uuidSchema.brand<'CircuitId'>();
export type CircuitId = z.infer<typeof circuitIdSchema>;
