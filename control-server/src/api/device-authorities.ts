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
  serve(router, services, add, ({ actor, body }) => addDeviceAuthority(context, actor, body));
  serve(router, services, remove, ({ actor, params }) => removeDeviceAuthority(context, actor, params.name ?? ''));
  return router;
}
