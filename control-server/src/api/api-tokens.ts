import { endpoints, NetportError, type Scope } from '@netport/protocol';
import { Router } from 'express';
import { ruledEndpoints } from '../policy/roles.js';
import { unknownScopes } from '../policy/scopes.js';
import { addApiToken, listApiTokens, removeApiToken } from '../state/api-tokens.js';
import { unchanged } from '../state/change.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

export function apiTokenRouter(services: Services): Router {
  const router = Router();
  const { context, live } = services;
  const { list, add, remove } = endpoints.apiToken;
  serve(router, services, list, async ({ query }) => unchanged(await listApiTokens(context, query)));
  serve(router, services, add, ({ actor, body }) => {
    refuseUnknown(body.scopes ?? []);
    return addApiToken(context, actor, body);
  });
  serve(router, services, remove, async ({ actor, params }) => {
    const outcome = await removeApiToken(context, actor, params.name ?? '');
    // Who watches with it, or with a session of it, watches no more.
    live.checkWatchers();
    return outcome;
  });
  return router;
}

/** Throws `invalid_request`, naming each scope that covers nothing. */
function refuseUnknown(scopes: readonly Scope[]): void {
  const fields = unknownScopes(scopes, ruledEndpoints);
  const [first] = fields;
  if (first) throw new NetportError('invalid_request', first.message, { fields });
}
