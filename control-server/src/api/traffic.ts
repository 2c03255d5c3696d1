import { endpoints } from '@netport/protocol';
import { Router } from 'express';
import { unchanged } from '../state/change.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

/** What runs now: circuits, tunnels, streams. */
export function trafficRouter(services: Services): Router {
  const router = Router();
  const { inspection } = services;
  const { circuit, tunnel, stream } = endpoints;
  serve(router, services, circuit.list, async () => unchanged({ items: await inspection.circuits() }));
  serve(router, services, tunnel.list, async () => unchanged({ items: await inspection.tunnels() }));
  serve(router, services, stream.list, async () => unchanged({ items: await inspection.streams() }));
  return router;
}
