import { endpoints } from '@netport/protocol';
import { Router } from 'express';
import { unchanged } from '../state/change.js';
import { checkPair } from '../state/pair-conflicts.js';
import { addPair, changePair, listPairs, removePair, showPair } from '../state/pairs.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

export function pairRouter(services: Services): Router {
  const router = Router();
  const { context, presence } = services;
  const { list, add, check, show, change, remove } = endpoints.pair;
  serve(router, services, list, async ({ query }) => unchanged(await listPairs(context, presence, query)));
  serve(router, services, add, ({ actor, body }) => addPair(context, presence, actor, body));
  serve(router, services, check, async ({ query, body }) => unchanged(await checkPair(context, body, query.pair)));
  serve(router, services, show, async ({ params }) => unchanged(await showPair(context, presence, params.name ?? '')));
  serve(router, services, change, ({ actor, params, body, revision }) =>
    changePair(context, presence, actor, params.name ?? '', body, revision),
  );
  serve(router, services, remove, ({ actor, params }) => removePair(context, actor, params.name ?? ''));
  return router;
}
