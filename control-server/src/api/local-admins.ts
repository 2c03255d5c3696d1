import { endpoints } from '@netport/protocol';
import { Router } from 'express';
import { unchanged } from '../state/change.js';
import { addLocalAdmin, changeLocalAdmin, listLocalAdmins, removeLocalAdmin } from '../state/local-admins.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

export function localAdminRouter(services: Services): Router {
  const router = Router();
  const { context, passwords, live } = services;
  const { list, add, change, remove } = endpoints.localAdmin;
  serve(router, services, list, async ({ query }) => unchanged(await listLocalAdmins(context, query)));
  serve(router, services, add, ({ actor, body }) => addLocalAdmin(context, passwords, actor, body));
  serve(router, services, change, async ({ actor, params, body }) => {
    const outcome = await changeLocalAdmin(context, passwords, actor, params.name ?? '', body);
    live.checkWatchers();
    return outcome;
  });
  serve(router, services, remove, async ({ actor, params }) => {
    const outcome = await removeLocalAdmin(context, actor, params.name ?? '');
    live.checkWatchers();
    return outcome;
  });
  return router;
}
