import { endpoints } from '@netport/protocol';
import { Router } from 'express';
import { addApiToken, listApiTokens, removeApiToken } from '../state/api-tokens.js';
import { unchanged } from '../state/change.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

export function apiTokenRouter(services: Services): Router {
  const router = Router();
  const { context, live } = services;
  const { list, add, remove } = endpoints.apiToken;
  serve(router, services, list, async ({ query }) => unchanged(await listApiTokens(context, query)));
  serve(router, services, add, ({ actor, body }) => addApiToken(context, actor, body));
  serve(router, services, remove, async ({ actor, params }) => {
    const outcome = await removeApiToken(context, actor, params.name ?? '');
    // Who watches with it, or with a session of it, watches no more.
    live.checkWatchers();
    return outcome;
  });
  return router;
}
