import type { PortalEvent } from '@netport/protocol';
import type { MemberKind } from '../store/store.js';
import { auditEvent } from './audit.js';
import type { Actor, StateContext } from './context.js';

/** Keeps when and where a portal or relay was seen last, for the time when it is offline. */
export const memberSeen = (
  context: StateContext,
  member: { kind: MemberKind; name: string; address: string; version: string },
): Promise<void> =>
  context.store.records.members.seen(member.kind, member.name, context.now(), member.address, member.version);

/** What a portal reports of its streams and tunnels; `dropped` events before this one were over its limit. */
export const portalReported = (
  context: StateContext,
  actor: Actor,
  { action, code, message, pair, peer, source, at }: PortalEvent,
  dropped: number,
): Promise<void> =>
  auditEvent(context, actor, {
    action,
    subject: pair ?? peer ?? null,
    code,
    detail: {
      message,
      reportedAt: at,
      ...(peer && { peer }),
      ...(source && { source }),
      ...(dropped > 0 && { droppedBefore: dropped }),
    },
  });
