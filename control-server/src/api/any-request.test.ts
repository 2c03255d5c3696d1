import { Agent, request } from 'node:https';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { z } from 'zod';
import { startTestServer, type TestServer } from '../../test/harness.js';
import { allEndpoints } from './endpoint-names.js';

let server: TestServer;
let agent: Agent;
beforeAll(async () => {
  // Time flies, so that rates and lock-outs do not come between.
  let now = Date.now();
  const later = (): Date => {
    now += 1000;
    return new Date(now);
  };
  server = await startTestServer({ now: later });
  agent = new Agent({ keepAlive: true, ca: server.rootPem, maxSockets: 4 });
});
afterAll(async () => {
  agent.destroy();
  await server.stop();
});

interface Sent {
  method: string;
  path: string;
  body?: string | undefined;
  headers?: Record<string, string>;
}

function send({ method, path, body, headers }: Sent): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const fields = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json', ...headers };
    const asked = request(`${server.url}/api/v1${path}`, { method, agent, headers: fields }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asked.on('error', reject).end(body);
  });
}

/** All but the stream without end, and what would end the only token. */
const tried = allEndpoints.filter(({ name }) => !['live', 'session.removeAll', 'authority.rollover'].includes(name));

/** The names of an object schema's fields, so that values get past the outermost check. */
const fieldsOf = (schema: z.ZodType | undefined): string[] =>
  schema && 'shape' in schema ? Object.keys(schema.shape as object) : [];

/** Values that mean something here, and some that do not. */
const value = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(
    'a',
    'r',
    'web',
    '127.0.0.1',
    '::1',
    'unix:/x',
    'tcp',
    'udp',
    '2030-01-01T00:00:00Z',
    0,
    80,
    65_536,
    -1,
    1e308,
  ),
  fc.record({ portal: fc.constantFrom('a', 'b'), address: fc.string(), port: fc.integer() }),
);

const drawn = fc.constantFrom(...tried).chain(({ endpoint }) => {
  const body = fieldsOf(endpoint.body);
  const query = fieldsOf(endpoint.query);
  return fc.record({
    endpoint: fc.constant(endpoint),
    parameter: fc.oneof(
      fc.constantFrom('a', 'web', '..', '%00', '%ff'),
      fc.string({ minLength: 1 }).map(encodeURIComponent),
    ),
    body: fc.oneof(
      fc.dictionary(fc.constantFrom(...body, 'x'), value).map((fields) => JSON.stringify(fields)),
      fc.json(),
      fc.string({ unit: 'binary' }),
      fc.constant(undefined),
    ),
    query: fc.dictionary(fc.constantFrom(...query, 'after', 'limit'), fc.string()),
    etag: fc.option(fc.oneof(fc.constant('"1"'), fc.base64String()), { nil: undefined }),
  });
});

it('no request to the API is answered with a fault of ours', async () => {
  await server.api('POST', '/portals', { name: 'a' });
  await fc.assert(
    fc.asyncProperty(drawn, async ({ endpoint, parameter, body, query, etag }) => {
      const path = endpoint.path.replace(/:\w+/g, () => parameter);
      const search = new URLSearchParams(query).toString();
      const { status, text } = await send({
        method: endpoint.method.toUpperCase(),
        path: search === '' ? path : `${path}?${search}`,
        body: endpoint.method === 'get' ? undefined : body,
        ...(etag !== undefined && { headers: { 'if-match': etag } }),
      });
      expect(status, text).toBeGreaterThanOrEqual(200);
      expect(status, text).toBeLessThan(500);
    }),
  );
});

it('nor one of a stranger', async () => {
  const field = fc.string({ unit: 'grapheme-ascii' }).map((text) => text.trim());
  const headers = fc.dictionary(
    fc.constantFrom(
      'authorization',
      'cookie',
      'origin',
      'sec-fetch-site',
      'if-match',
      'content-type',
      'content-encoding',
    ),
    fc.oneof(
      field,
      field.map((text) => `Basic ${Buffer.from(text).toString('base64')}`),
      fc.constantFrom('application/json', 'gzip'),
    ),
  );
  const paths = [
    '/session',
    '/session/oidc/callback?code=x&state=y',
    '/portals',
    '/../../.well-known/est/simpleenroll',
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...paths),
      fc.constantFrom('GET', 'POST', 'DELETE'),
      headers,
      fc.json(),
      async (path, method, fields, body) => {
        const { status, text } = await send({
          method,
          path,
          body: method === 'GET' ? undefined : body,
          headers: { authorization: '', ...fields },
        });
        expect(status, text).toBeLessThan(500);
      },
    ),
  );
});
