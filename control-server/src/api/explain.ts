import { endpoints, NetportError } from '@netport/protocol';
import { Router } from 'express';
import { unchanged } from '../state/change.js';
import { explainAuditEvent, explainConnection } from '../state/explain.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

/** Why something works, is denied or fails. */
export function explainRouter(services: Services): Router {
  const router = Router();
  const { ask, probe, event } = endpoints.explain;
  serve(router, services, ask, async ({ query }) =>
    unchanged(await explainConnection(services, query, { probe: false })),
  );
  serve(router, services, probe, async ({ body }) =>
    unchanged(await explainConnection(services, body, { probe: true })),
  );
  serve(router, services, event, async ({ params }) =>
    unchanged(await explainAuditEvent(services, eventId(params.id ?? ''))),
  );
  return router;
}

function eventId(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new NetportError('not_found', `"${text}" is no id of an audit event`);
}
