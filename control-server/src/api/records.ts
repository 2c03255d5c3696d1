import { endpoints } from '@netport/protocol';
import { Router } from 'express';
import { endpointsWith } from '../policy/roles.js';
import { listCertificates } from '../state/certificates.js';
import { unchanged } from '../state/change.js';
import { version } from '../version.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

/** What is only read: the certificates, and who one is. */
export function recordRouter(services: Services): Router {
  const router = Router();
  const { context } = services;
  const { certificate, whoami } = endpoints;
  serve(router, services, certificate.list, async ({ query }) => unchanged(await listCertificates(context, query)));
  serve(router, services, whoami, async ({ actor }) =>
    unchanged({
      actor: actor.name,
      role: actor.role,
      scopes: actor.scopes && [...actor.scopes],
      may: endpointsWith('allow', actor),
      mayOwn: endpointsWith('own', actor),
      trustDomain: context.trustDomain,
      version,
    }),
  );
  return router;
}
