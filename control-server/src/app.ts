import { NetportError } from '@netport/protocol';
import express, { type Express, Router } from 'express';
import { apiTokenRouter } from './api/api-tokens.js';
import { auditRouter } from './api/audit.js';
import { authorityRouter } from './api/authority.js';
import { deviceAuthorityRouter } from './api/device-authorities.js';
import { handleErrors } from './api/errors.js';
import { estRouter } from './api/est.js';
import { explainRouter } from './api/explain.js';
import { tokenRouter } from './api/join-tokens.js';
import { liveRouter } from './api/live.js';
import { localAdminRouter } from './api/local-admins.js';
import { portalRouter, relayRouter } from './api/members.js';
import { oidcRouter } from './api/oidc.js';
import { openApi } from './api/openapi.js';
import { pairRouter } from './api/pairs.js';
import { policyRouter } from './api/policy.js';
import { recordRouter } from './api/records.js';
import type { Services } from './api/services.js';
import { sessionRouter } from './api/session.js';
import { trafficRouter } from './api/traffic.js';
import { pageRouter } from './page.js';
import { checkReady } from './state/health.js';

/** Everything that is answered over HTTP. Does not listen. */
export function createApp(services: Services): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  app.use((request, response, next) => {
    response.set({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    response.once('finish', () =>
      services.metrics.requests.inc({ method: request.method, status: response.statusCode }),
    );
    next();
  });

  app.use(pageRouter());
  app.get('/healthz', (_request, response) => void response.type('text/plain').send('ok\n'));
  app.get('/readyz', async (_request, response) => {
    await checkReady(services.context);
    response.type('text/plain').send('ok\n');
  });
  app.get('/crl.der', (_request, response) => {
    response.type('application/pkix-crl').send(Buffer.from(services.revocationList()));
  });
  app.use('/.well-known/est', estRouter(services));
  app.use('/api/v1', apiRouter(services));
  app.use((request) => {
    throw new NetportError('not_found', `nothing is at ${request.method} ${request.path}`);
  });
  app.use(handleErrors(services));
  return app;
}

function apiRouter(services: Services): Router {
  const router = Router();
  const document = openApi();
  router.get('/openapi.json', (_request, response) => void response.json(document));
  const routers = [
    sessionRouter,
    oidcRouter,
    apiTokenRouter,
    localAdminRouter,
    deviceAuthorityRouter,
    liveRouter,
    portalRouter,
    relayRouter,
    tokenRouter,
    pairRouter,
    trafficRouter,
    explainRouter,
    authorityRouter,
    policyRouter,
    auditRouter,
    recordRouter,
  ];
  for (const make of routers) router.use(make(services));
  return router;
}
