import { timingSafeEqual } from 'node:crypto';
import { checkCsr, type Issued } from '@netport/pki';
import { decodeJoinToken, type JoinToken, type Name, NetportError } from '@netport/protocol';
import type { JoinTokenRecord, MemberKind, Records } from '../store/store.js';
import { audit } from './audit.js';
import { certificateRecord, checkStanding, type MemberIdentity } from './certificates.js';
import { type Outcome, unchanged } from './change.js';
import { memberId, type StateContext } from './context.js';
import { hashSecret } from './join-tokens.js';

export interface EnrolRequest {
  /** The text of a join token. */
  token: string;
  /** PKCS#10, DER. */
  csr: Uint8Array;
}

/**
 * Turns a join token into a certificate: who it is for comes from the token alone, the CSR gives nothing but its key.
 * Token use and certificate are one transaction, so one token makes at most one certificate, and a CSR that is refused
 * does not use the token up. Throws `token_*` or `csr_invalid`.
 */
export async function enrol(
  context: StateContext,
  origin: string | null,
  request: EnrolRequest,
): Promise<Outcome<Issued>> {
  const token = decodeJoinToken(request.token);
  // Once without the transaction: who has no good token must not get at the write lock.
  checkToken(await context.store.records.joinTokens.find(token.id), token, context.now());
  const publicKey = await checkCsr(request.csr);
  const issued = await context.store.transaction(async (records) => {
    const found = await records.joinTokens.find(token.id);
    checkToken(found, token, context.now());
    return issueFor(context, records, found, publicKey, origin);
  });
  return unchanged(issued);
}

/** In this order: it exists and the secret is right (one answer for both), not used, not expired. */
function checkToken(found: JoinTokenRecord | undefined, token: JoinToken, now: Date): asserts found is JoinTokenRecord {
  const presented = hashSecret(token.secret);
  if (!found || !timingSafeEqual(presented, found.secretHash)) {
    throw new NetportError('token_invalid', `this join token for ${token.kind} ${token.name} is not known here`);
  }
  const who = `${found.kind} ${found.name}`;
  if (found.usedAt) throw used(who, found.usedAt);
  if (found.expiresAt <= now) {
    throw new NetportError('token_expired', `the join token for ${who} expired at ${found.expiresAt.toISOString()}`);
  }
}

const used = (who: string, at: Date): NetportError =>
  new NetportError('token_used', `the join token for ${who} was used at ${at.toISOString()}`);

async function issueFor(
  context: StateContext,
  records: Records,
  { id, memberId: member, kind, name }: JoinTokenRecord,
  publicKey: Uint8Array,
  origin: string | null,
): Promise<Issued> {
  const now = context.now();
  if (!(await records.joinTokens.use(id, now))) throw used(`${kind} ${name}`, now);
  await records.members.revoked(member, null);
  return certifyMember(context, records, { kind, name, publicKey, origin, action: 'enrol' });
}

export interface RenewRequest {
  /** What the TLS client presented, DER, leaf first. */
  chain: readonly Uint8Array[];
  /** PKCS#10, DER. */
  csr: Uint8Array;
}

/**
 * A certificate for a portal or relay that has one which is still good; the key may be another. That one goes on being good,
 * so that both can be in use for a while. Throws `cert_*` or `csr_invalid`.
 */
export async function renew(
  context: StateContext,
  origin: string | null,
  member: MemberIdentity,
  { chain, csr }: RenewRequest,
): Promise<Outcome<Issued>> {
  const publicKey = await checkCsr(csr, chain[0]);
  const issued = await context.store.transaction(async (records) => {
    // In here: who is revoked at the same time must not come away with a certificate that is not.
    await checkStanding(records, member);
    const { kind, name } = member;
    return certifyMember(context, records, { kind, name, publicKey, origin, action: 'renew' });
  });
  return unchanged(issued);
}

/** Issues the certificate of a portal or relay, and writes down that it has one. */
export async function certifyMember(
  context: StateContext,
  records: Records,
  options: {
    kind: MemberKind;
    name: Name;
    publicKey: Uint8Array;
    origin: string | null;
    action: 'enrol' | 'renew';
    /** For the audit trail. */
    detail?: Record<string, unknown>;
  },
): Promise<Issued> {
  const { kind, name, publicKey, origin, action, detail } = options;
  const id = memberId(context, kind, name);
  const lifetime = context.certificateLifetime;
  const issued = await context.authority.issue({ id, publicKey, now: context.now(), ...(lifetime && { lifetime }) });
  const { serial, notAfter } = issued;
  await records.certificates.add(certificateRecord(issued));
  await audit(
    context,
    records,
    { name: id, origin },
    {
      action: `${kind}.${action}`,
      subject: name,
      detail: { serial, notAfter: notAfter.toISOString(), ...detail },
    },
  );
  return issued;
}
