import type { Name, PortalEvent, TrustsMessage } from '@netport/protocol';
import type { MemberKind } from '../store/store.js';
import { auditEvent } from './audit.js';
import type { Actor, StateContext } from './context.js';

/** Keeps when and where a portal or relay was seen last, for the time when it is offline. */
export const memberSeen = (
  context: StateContext,
  member: { kind: MemberKind; name: string; address: string; version: string },
): Promise<void> =>
  context.store.records.members.seen(member.kind, member.name, context.now(), member.address, member.version);

/** Keeps whom a portal or relay trusts, and which root its certificate is of. */
export const memberTrusts = (
  context: StateContext,
  { kind, name }: { kind: MemberKind; name: string },
  { certifiedBy, roots }: TrustsMessage,
): Promise<void> => context.store.records.members.trusts(kind, name, certifiedBy, roots);

/** What a portal reports of its streams and tunnels; `pair` is the name of the one that it means, and `dropped` events before this one were over its limit. */
export const portalReported = (
  context: StateContext,
  actor: Actor,
  { action, code, message, pair: id, peer, source, at }: PortalEvent,
  { pair, dropped }: { pair: Name | undefined; dropped: number },
): Promise<void> =>
  auditEvent(context, actor, {
    action,
    subject: id ?? peer ?? null,
    code,
    detail: {
      message,
      reportedAt: at,
      ...(pair && { pair }),
      ...(peer && { peer }),
      ...(source && { source }),
      ...(dropped > 0 && { droppedBefore: dropped }),
    },
  });
