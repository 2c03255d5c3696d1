import { parseCrl, type Revocations } from '@netport/pki';
import type { StateContext } from './context.js';

/** A new revocation list with a new number. Expired certificates are left out (RFC 5280 §3.3): nobody accepts them anyway. */
export async function makeRevocations(context: StateContext): Promise<Revocations> {
  const now = context.now();
  const { number, certificates } = await context.store.transaction(async (records) => ({
    number: await records.bump('crl'),
    certificates: await records.certificates.list(now),
  }));
  const revoked = certificates.flatMap(({ serial, revokedAt }) => (revokedAt ? [{ serial, revokedAt }] : []));
  const der = await context.authority.crl({ revoked, number, now });
  return parseCrl(der, [context.authority.rootPem, context.authority.issuerPem]);
}
