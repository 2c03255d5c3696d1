import { endpoints } from '@netport/protocol';
import { Router } from 'express';
import { unchanged } from '../state/change.js';
import { rollOver, showAuthority } from '../state/rollover.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

/** The root CAs, and replacing one by another. */
export function authorityRouter(services: Services): Router {
  const router = Router();
  const { context, presence } = services;
  const { show, rollover } = endpoints.authority;
  serve(router, services, show, async () => unchanged(await showAuthority(context, presence)));
  serve(router, services, rollover, ({ actor, body }) => rollOver(context, presence, actor, body));
  return router;
}
