import { endpoints } from '@netport/protocol';
import { Router } from 'express';
import { unchanged } from '../state/change.js';
import { listTokens, removeToken } from '../state/join-tokens.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

export function tokenRouter(services: Services): Router {
  const router = Router();
  const { context } = services;
  const { list, remove } = endpoints.token;
  serve(router, services, list, async ({ query }) => unchanged(await listTokens(context, query)));
  serve(router, services, remove, ({ actor, params }) => removeToken(context, actor, params.id ?? ''));
  return router;
}
