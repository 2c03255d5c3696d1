import { endpoints } from '@netport/protocol';
import { Router } from 'express';
import { actorOf, stillSignedIn } from './authentication.js';
import type { Services } from './services.js';

/** The one endpoint that is not a question and its answer: an event stream. */
export function liveRouter(services: Services): Router {
  const router = Router();
  router.get(endpoints.live.path, async (request, response) => {
    await actorOf(services, request);
    services.live.watch(response, () => stillSignedIn(services, request));
  });
  return router;
}
