import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { Router } from 'express';
import { yearInSeconds } from './security-headers.js';

/** Where `control-server/ui` is built to, from src/ as well as from dist/. */
export const pageDirectory = fileURLToPath(new URL('../ui/dist/', import.meta.url));

const notBuilt = `Netport control server

The admin page was not built: run "npm run build" in the repository, then load this again.
The admin API is at /api/v1, described by /api/v1/openapi.json. From a terminal:

  netport login URL --ca FILE --token TOKEN
  netport portal ls
`;

/** The admin page at `/`. What lies below `/assets` has its hash in its name, so it never changes. */
export function pageRouter(directory: string = pageDirectory): Router {
  const router = Router();
  router.get('/', (_request, response) => {
    if (!existsSync(join(directory, 'index.html'))) return void response.status(503).type('text/plain').send(notBuilt);
    response.sendFile('index.html', { root: directory, headers: { 'cache-control': 'no-cache' } });
  });
  router.use(
    '/assets',
    express.static(join(directory, 'assets'), {
      cacheControl: false,
      index: false,
      redirect: false,
      setHeaders: (response) => response.setHeader('cache-control', `public, max-age=${yearInSeconds}, immutable`),
    }),
  );
  return router;
}
