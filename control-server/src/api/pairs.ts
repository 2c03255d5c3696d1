import { endpoints } from '@netport/protocol';
import { Router } from 'express';
import { unchanged } from '../state/change.js';
import { addPair, changePair, listPairs, removePair, showPair } from '../state/pairs.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

export function pairRouter(services: Services): Router {
  const router = Router();
  const { context, presence } = services;
  const { list, add, show, change, remove } = endpoints.pair;
  serve(router, services, list, async () => unchanged(await listPairs(context, presence)));
  serve(router, services, add, ({ actor, body }) => addPair(context, presence, actor, body));
  serve(router, services, show, async ({ params }) => unchanged(await showPair(context, presence, params.name ?? '')));
  serve(router, services, change, ({ actor, params, body }) =>
    changePair(context, presence, actor, params.name ?? '', body.enabled),
  );
  serve(router, services, remove, ({ actor, params }) => removePair(context, actor, params.name ?? ''));
  return router;
}
