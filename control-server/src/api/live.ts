import { endpoints } from '@netport/protocol';
import { Router } from 'express';
import { authorise, stillSignedIn } from './authentication.js';
import { endpointName } from './endpoint-names.js';
import type { Services } from './services.js';

/** The one endpoint that is not a question and its answer: an event stream. */
export function liveRouter(services: Services): Router {
  const router = Router();
  router.get(endpoints.live.path, async (request, response) => {
    await authorise(services, request, endpointName(endpoints.live));
    services.live.watch(response, () => stillSignedIn(services, request));
  });
  return router;
}
