import {
  type ErrorCode,
  formatSchedule,
  NetportError,
  type Page,
  type PairView,
  type PortalView,
  type RelayView,
  type SearchQuery,
  type SpiffeId,
} from '@netport/protocol';
import { inForce, nextTurn } from '../policy/permits.js';
import type { CertificateRecord, Member, MemberKind, PairRecord } from '../store/store.js';
import { memberId, type StateContext } from './context.js';
import { existing } from './members.js';
import { nameAfter, nameKey, pageFrom } from './paging.js';
import type { PortalPresence, Presence, RelayPresence } from './presence.js';

/** Records and presence, joined into what the admin API shows. Throws `invalid_request` for a wrong cursor. */
export async function listMembers<K extends MemberKind>(
  context: StateContext,
  presence: Presence,
  kind: K,
  query: SearchQuery,
): Promise<Page<MemberView[K]> & { total: number }> {
  const { members, certificates } = context.store.records;
  const { q, limit } = query;
  const page = pageFrom(await members.list(kind, { q, after: nameAfter(query), limit: limit + 1 }), limit, nameKey);
  const ids = page.items.map(({ name }) => memberId(context, kind, name));
  const expiries = certificateExpiries(await certificates.listOf(context.now(), ids));
  return {
    ...page,
    items: page.items.map((member) => viewers[kind](context, presence, member, expiries)),
    total: await members.count(kind, q),
  };
}

/** Throws `not_found`. */
export async function showMember<K extends MemberKind>(
  context: StateContext,
  presence: Presence,
  kind: K,
  name: string,
): Promise<MemberView[K]> {
  const member = await existing(context.store.records, kind, name);
  const certificates = await context.store.records.certificates.listOf(context.now(), [
    memberId(context, kind, member.name),
  ]);
  return viewers[kind](context, presence, member, certificateExpiries(certificates));
}

interface MemberView {
  portal: PortalView;
  relay: RelayView;
}

type Viewer<View> = (context: StateContext, presence: Presence, member: Member, expiries: CertificateExpiries) => View;

/** When the last good certificate of each identity ends. */
type CertificateExpiries = ReadonlyMap<SpiffeId, Date>;

function certificateExpiries(certificates: readonly CertificateRecord[]): CertificateExpiries {
  const expiries = new Map<SpiffeId, Date>();
  for (const { subject, notAfter, revokedAt } of certificates) {
    const known = expiries.get(subject);
    if (!revokedAt && (!known || known < notAfter)) expiries.set(subject, notAfter);
  }
  return expiries;
}

const viewers: { [K in MemberKind]: Viewer<MemberView[K]> } = {
  portal: (context, presence, member, expiries) => {
    const here = presence.portal(memberId(context, 'portal', member.name));
    return { ...commonView(context, member, expiries, here), policyVersion: here?.policyVersion ?? null };
  },
  relay: (context, presence, member, expiries) => {
    const here = presence.relay(memberId(context, 'relay', member.name));
    return {
      ...commonView(context, member, expiries, here),
      datapath: here?.datapath ?? null,
      datapathReason: here?.datapathReason ?? null,
      circuits: here?.circuits ?? 0,
      capacity: here?.capacity ?? null,
    };
  },
};

function commonView(
  context: StateContext,
  member: Member,
  expiries: CertificateExpiries,
  here: PortalPresence | RelayPresence | undefined,
) {
  const id = memberId(context, member.kind, member.name);
  return {
    name: member.name,
    labels: member.labels,
    id,
    online: here !== undefined,
    lastSeenAt: (here?.seenAt ?? member.lastSeenAt)?.toISOString() ?? null,
    address: here?.address ?? member.address,
    version: here?.version ?? member.version,
    createdAt: member.createdAt.toISOString(),
    certificateExpiresAt: expiries.get(id)?.toISOString() ?? null,
  };
}

/** Evaluation order: disabled → expired → outside its schedule (disabled, too) → listener_failed → peer_offline → active. */
export function pairView(pair: PairRecord, presence: Presence, now: Date): PairView {
  const { id, name, protocol, from, to, transport, enabled, owner, reason, expiresAt, revision } = pair;
  return {
    id,
    name,
    protocol,
    from,
    to,
    transport,
    enabled,
    owner,
    reason,
    revision,
    ...(expiresAt && { expiresAt: expiresAt.toISOString() }),
    ...(pair.grant !== null && { grant: pair.grant }),
    ...(pair.schedule && { schedule: pair.schedule }),
    createdAt: pair.createdAt.toISOString(),
    ...pairState(pair, presence, now),
  };
}

function pairState(pair: PairRecord, presence: Presence, now: Date): Pick<PairView, 'state' | 'error'> {
  if (!pair.enabled) return { state: 'disabled', error: null };
  if (pair.expiresAt && pair.expiresAt <= now) {
    return { state: 'expired', error: problem('pair_expired', `expired at ${pair.expiresAt.toISOString()}`) };
  }
  if (!inForce(pair, now)) {
    const begins = nextTurn(pair, now)?.toISOString() ?? 'no time';
    const schedule = pair.schedule ? formatSchedule(pair.schedule) : '';
    return { state: 'disabled', error: problem('outside_schedule', `in force ${schedule}, so next from ${begins}`) };
  }
  const failed = presence.portalNamed(pair.from.portal)?.failedListeners.get(pair.id);
  if (failed) return { state: 'listener_failed', error: failed };
  const offline = [pair.from.portal, pair.to.portal].filter((name) => !presence.portalNamed(name));
  if (offline.length > 0) {
    const message = `${offline.join(' and ')} ${offline.length > 1 ? 'have' : 'has'} no control session`;
    return { state: 'peer_offline', error: problem('peer_offline', message) };
  }
  return { state: 'active', error: null };
}

const problem = (code: ErrorCode, message: string): { code: ErrorCode; message: string } => {
  const { help } = new NetportError(code, message);
  return { code, message: `${message}. ${help}` };
};
