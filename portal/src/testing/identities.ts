import { type Authority, createAuthority, generateKeyPem, openAuthority, publicKeyOf, type Trust } from '@netport/pki';
import { type IdentityKind, type SpiffeId, trustDomainSchema } from '@netport/protocol';

export const trustDomain = trustDomainSchema.parse('test.example');
export const spiffeId = (name: string, kind: IdentityKind = 'portal'): SpiffeId =>
  `spiffe://${trustDomain}/${kind}/${name}` as SpiffeId;

export interface TestIdentity {
  id: SpiffeId;
  keyPem: string;
  chainPem: string;
  serial: string;
}

export const newAuthority = async (): Promise<Authority> =>
  openAuthority(await createAuthority({ trustDomain, now: new Date() }));

/** What a portal of that authority believes: it knows its own issuer, which some versions of Node leave out of a peer's chain. */
export const trustIn = ({ rootPem, issuerPem }: Authority): Trust => ({
  rootPems: [rootPem],
  intermediatePems: [issuerPem],
});

/** A leaf as enrolment would make it; `now` in the past makes one that has expired. */
export async function issue(authority: Authority, id: SpiffeId, now = new Date()): Promise<TestIdentity> {
  const keyPem = generateKeyPem();
  const { chainPem, serial } = await authority.issue({ id, publicKey: publicKeyOf(keyPem), now });
  return { id, keyPem, chainPem, serial };
}
