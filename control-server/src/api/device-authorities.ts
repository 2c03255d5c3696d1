import { endpoints } from '@netport/protocol';
import { Router } from 'express';
import { unchanged } from '../state/change.js';
import { addDeviceAuthority, listDeviceAuthorities, removeDeviceAuthority } from '../state/device-authorities.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

export function deviceAuthorityRouter(services: Services): Router {
  const router = Router();
  const { context } = services;
  const { list, add, remove } = endpoints.deviceAuthority;
  serve(router, services, list, async ({ query }) => unchanged(await listDeviceAuthorities(context, query)));
  serve(router, services, add, async ({ actor, body }) => {
    const outcome = await addDeviceAuthority(context, actor, body);
    await services.deviceAuthoritiesChanged();
    return outcome;
  });
  serve(router, services, remove, async ({ actor, params }) => {
    const outcome = await removeDeviceAuthority(context, actor, params.name ?? '');
    await services.deviceAuthoritiesChanged();
    return outcome;
  });
  return router;
}
