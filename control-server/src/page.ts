import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type RequestHandler, Router } from 'express';

/** Where `control-server/ui` is built to, from src/ as well as from dist/. */
export const pageDirectory = fileURLToPath(new URL('../ui/dist/', import.meta.url));

const year = 365 * 24 * 60 * 60;

/** The page loads what this server has and nothing else, is nobody's frame, and runs no text as code. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "object-src 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const notBuilt = `Netport control server

The admin page was not built: run "npm run build" in the repository, then load this again.
The admin API is at /api/v1, described by /api/v1/openapi.json. From a terminal:

  netport login URL --ca FILE --token TOKEN
  netport portal ls
`;

const securityHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    'content-security-policy': contentSecurityPolicy,
    'strict-transport-security': `max-age=${year}`,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
  });
  next();
};

/** The admin page at `/`. What lies below `/assets` has its hash in its name, so it never changes. */
export function pageRouter(directory: string = pageDirectory): Router {
  const router = Router();
  router.get('/', securityHeaders, (_request, response) => {
    if (!existsSync(join(directory, 'index.html'))) return void response.status(503).type('text/plain').send(notBuilt);
    response.sendFile('index.html', { root: directory, headers: { 'cache-control': 'no-cache' } });
  });
  router.use(
    '/assets',
    securityHeaders,
    express.static(join(directory, 'assets'), {
      cacheControl: false,
      index: false,
      redirect: false,
      setHeaders: (response) => response.setHeader('cache-control', `public, max-age=${year}, immutable`),
    }),
  );
  return router;
}
