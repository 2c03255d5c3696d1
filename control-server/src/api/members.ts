import { endpoints } from '@netport/protocol';
import { Router } from 'express';
import { unchanged } from '../state/change.js';
import { addMember, addToken, labelMember, removeMember, revokeMember } from '../state/members.js';
import { listMembers, showMember } from '../state/views.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

export function portalRouter(services: Services): Router {
  const router = Router();
  const { context, presence } = services;
  const { list, show, change } = endpoints.portal;
  serve(router, services, list, async ({ query }) => unchanged(await listMembers(context, presence, 'portal', query)));
  serve(router, services, show, async ({ params }) =>
    unchanged(await showMember(context, presence, 'portal', params.name ?? '')),
  );
  serve(router, services, change, async ({ actor, params, body }) => {
    const change = await labelMember(context, actor, 'portal', params.name ?? '', body.labels);
    return { value: await showMember(context, presence, 'portal', params.name ?? ''), change };
  });
  serveMemberChanges(router, services, 'portal');
  return router;
}

export function relayRouter(services: Services): Router {
  const router = Router();
  const { context, presence } = services;
  const { list, show, change } = endpoints.relay;
  serve(router, services, list, async ({ query }) => unchanged(await listMembers(context, presence, 'relay', query)));
  serve(router, services, show, async ({ params }) =>
    unchanged(await showMember(context, presence, 'relay', params.name ?? '')),
  );
  serve(router, services, change, async ({ actor, params, body }) => {
    const change = await labelMember(context, actor, 'relay', params.name ?? '', body.labels);
    return { value: await showMember(context, presence, 'relay', params.name ?? ''), change };
  });
  serveMemberChanges(router, services, 'relay');
  return router;
}

/** What portals and relays have in common: all but what is shown of them. */
function serveMemberChanges(router: Router, services: Services, kind: 'portal' | 'relay'): void {
  const { context } = services;
  const { add, remove, token, revoke } = endpoints[kind];
  serve(router, services, add, ({ actor, body }) => addMember(context, actor, kind, body));
  serve(router, services, remove, ({ actor, params }) => removeMember(context, actor, kind, params.name ?? ''));
  serve(router, services, revoke, ({ actor, params }) => revokeMember(context, actor, kind, params.name ?? ''));
  serve(router, services, token, ({ actor, params, body }) => {
    const lifetime = body.lifetimeSeconds === undefined ? undefined : body.lifetimeSeconds * 1000;
    return addToken(context, actor, { kind, name: params.name ?? '' }, lifetime);
  });
}
