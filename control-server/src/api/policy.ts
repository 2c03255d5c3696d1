import { endpoints } from '@netport/protocol';
import { Router } from 'express';
import { unchanged } from '../state/change.js';
import { applyPolicy, diffPolicy, exportPolicy } from '../state/policy-documents.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

/** Policy as code: what is, what documents would change, and changing it. */
export function policyRouter(services: Services): Router {
  const router = Router();
  const { context } = services;
  const { show, diff, apply } = endpoints.policy;
  serve(router, services, show, async () => unchanged(await exportPolicy(context)));
  serve(router, services, diff, async ({ actor, body }) => unchanged(await diffPolicy(context, actor, body)));
  serve(router, services, apply, ({ actor, body }) => applyPolicy(context, actor, body));
  return router;
}
