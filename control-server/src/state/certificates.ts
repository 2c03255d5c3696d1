import {
  generateKeyPem,
  type Issued,
  type PeerIdentity,
  publicKeyOf,
  type Revocations,
  verifyPeer,
} from '@netport/pki';
import {
  type CertificateSummary,
  type Name,
  NetportError,
  type Page,
  type PageQuery,
  type SpiffeId,
} from '@netport/protocol';
import type { MemberKind, Records } from '../store/store.js';
import { controlId, type StateContext } from './context.js';
import { pageFrom, timeAfter, timeKey } from './paging.js';

/** The control server's own certificate: for TLS, and to sign policy documents. Its key lives in memory only. */
export interface ServerIdentity {
  keyPem: string;
  /** Leaf and issuer. */
  chainPem: string;
  notBefore: Date;
  notAfter: Date;
}

/** `names` are the DNS names and IP addresses that the server is reached by. */
export async function issueServerIdentity(context: StateContext, names: readonly string[]): Promise<ServerIdentity> {
  const keyPem = generateKeyPem();
  const id = controlId(context.trustDomain);
  const issued = await context.authority.issue({
    id,
    publicKey: publicKeyOf(keyPem),
    now: context.now(),
    names,
  });
  await context.store.records.certificates.add(certificateRecord(issued));
  const { chainPem, notBefore, notAfter } = issued;
  return { keyPem, chainPem, notBefore, notAfter };
}

/** What is kept of a certificate. */
export const certificateRecord = ({ serial, id, notBefore, notAfter, rootFingerprint }: Issued) => ({
  ...{ serial, subject: id, notBefore, notAfter },
  root: rootFingerprint,
});

/** A portal or relay that has shown who it is. */
export type MemberIdentity = PeerIdentity & { kind: MemberKind };

/** Which portal or relay a chain is of, that a TLS client has presented; whether it still counts is another question. Throws `cert_*`. */
export function identifyMember(
  { authority, trustDomain, now }: StateContext,
  chain: readonly Uint8Array[],
  revocations?: Revocations,
): MemberIdentity {
  const peer = verifyPeer({
    chain,
    trust: { rootPems: [authority.rootPem], intermediatePems: [authority.issuerPem], revocations },
    now: now(),
    usage: 'client',
    expect: { kind: ['portal', 'relay'], trustDomain },
  });
  return { ...peer, kind: peer.kind as MemberKind };
}

/** Whether a verified certificate still counts: the store knows of a revocation before the list does. Throws `cert_revoked`. */
export async function checkStanding(
  { members, certificates }: Records,
  certificate: { serial: string; id: SpiffeId; kind: MemberKind; name: Name },
): Promise<void> {
  const { serial, id, kind, name } = certificate;
  if (!(await certificates.isGood(serial))) {
    throw new NetportError('cert_revoked', `the certificate of ${id} was revoked`);
  }
  if (!(await members.find(kind, name))) throw new NetportError('cert_revoked', `${id} was removed`);
}

/** The certificates that have not expired, revoked ones too, newest first. Throws `invalid_request` for a wrong cursor. */
export async function listCertificates(context: StateContext, query: PageQuery): Promise<Page<CertificateSummary>> {
  const range = { after: timeAfter(query), limit: query.limit + 1 };
  const certificates = await context.store.records.certificates.list(context.now(), range);
  const page = pageFrom(certificates, query.limit, ({ notBefore, serial }) => timeKey(notBefore, serial));
  return {
    ...page,
    items: page.items.map(({ serial, subject, notBefore, notAfter, revokedAt }) => ({
      serial,
      subject,
      notBefore: notBefore.toISOString(),
      notAfter: notAfter.toISOString(),
      ...(revokedAt && { revokedAt: revokedAt.toISOString() }),
    })),
  };
}
