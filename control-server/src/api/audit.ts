import { once } from 'node:events';
import { auditExport, endpoints } from '@netport/protocol';
import { Router } from 'express';
import { auditHead, exportAudit, queryAudit } from '../state/audit.js';
import { unchanged } from '../state/change.js';
import { authorise } from './authentication.js';
import { auditExportName } from './endpoint-names.js';
import { parse, serve } from './serve.js';
import type { Services } from './services.js';

export function auditRouter(services: Services): Router {
  const router = Router();
  const { context } = services;
  const { list, head } = endpoints.audit;
  serve(router, services, list, async ({ query }) => unchanged(await queryAudit(context, query)));
  serve(router, services, head, async () => unchanged(await auditHead(context)));

  router.get(auditExport.path, async (request, response) => {
    await authorise(services, request, auditExportName);
    const filter = parse(auditExport.query, request.query);
    response.type(auditExport.contentType);
    for await (const page of exportAudit(context, filter)) {
      if (response.destroyed) return;
      const lines = page.map((event) => `${JSON.stringify(event)}\n`).join('');
      // Who reads slowly holds one page.
      if (!response.write(lines)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    }
    response.end();
  });
  return router;
}
