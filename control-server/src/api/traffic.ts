import { endpoints } from '@netport/protocol';
import { Router } from 'express';
import { unchanged } from '../state/change.js';
import { pageOfLive } from '../state/paging.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

/** What runs now: circuits, tunnels, streams. */
export function trafficRouter(services: Services): Router {
  const router = Router();
  const { inspection } = services;
  const { circuit, tunnel, stream } = endpoints;
  serve(router, services, circuit.list, async ({ query }) =>
    unchanged(pageOfLive(await inspection.circuits(), query, ({ since, id }) => `${since} ${id}`)),
  );
  serve(router, services, tunnel.list, async ({ query }) =>
    unchanged(pageOfLive(await inspection.tunnels(), query, ({ from, to, since }) => `${from} ${to} ${since}`)),
  );
  serve(router, services, stream.list, async ({ query }) =>
    unchanged(pageOfLive(await inspection.streams(), query, ({ since, pair, source }) => `${since} ${pair} ${source}`)),
  );
  return router;
}
