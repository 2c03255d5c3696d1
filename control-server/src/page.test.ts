import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { pageRouter } from './page.js';
import { securityHeaders } from './security-headers.js';

let directory: string;
let server: Server;
let url: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'netport-page-'));
  const app = express();
  // As the whole app does.
  app.use((_request, response, next) => {
    response.set(securityHeaders);
    next();
  });
  app.use(pageRouter(directory));
  server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

async function build(): Promise<void> {
  await mkdir(join(directory, 'assets'));
  await writeFile(join(directory, 'index.html'), '<p>the page</p>');
  await writeFile(join(directory, 'assets', 'index-1a2b.js'), '1');
}

it('says what to do while the page is not built', async () => {
  const response = await fetch(url);
  expect(response.status).toBe(503);
  expect(await response.text()).toContain('npm run build');
});

it('is looked for anew each time, its hashed parts never', async () => {
  await build();
  const page = await fetch(url);
  expect(await page.text()).toBe('<p>the page</p>');
  expect(page.headers.get('cache-control')).toBe('no-cache');
  const script = await fetch(`${url}/assets/index-1a2b.js`);
  expect(script.headers.get('content-type')).toMatch(/^text\/javascript/);
  expect(script.headers.get('cache-control')).toMatch(/max-age=31536000, immutable/);
});

it.each(['/', '/assets/index-1a2b.js'])('%s runs nothing inline or foreign, in nobody’s frame', async (path) => {
  await build();
  const { headers } = await fetch(url + path);
  const policy = headers.get('content-security-policy');
  expect(policy).toContain("default-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain('unsafe');
  expect(headers.get('strict-transport-security')).toMatch(/max-age=\d{7}/);
  expect(headers.get('referrer-policy')).toBe('no-referrer');
});

it.each(['/assets/absent.js', '/assets/', '/assets/..%2f..%2fpackage.json', '/index.html'])(
  'nothing is at %s',
  async (path) => {
    await build();
    const response = await fetch(url + path);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.headers.get('cache-control')).toBe('no-store');
  },
);
