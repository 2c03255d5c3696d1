import { expect } from 'vitest';
import { allEndpoints, auditExportName } from '../src/api/endpoint-names.js';
import { openLive, type TestServer } from './harness.js';

/** A request by bearer token, or by nobody. */
export const askAs = (
  server: TestServer,
  token: string | undefined,
  method: string,
  path: string,
  body?: unknown,
): ReturnType<TestServer['http']> =>
  server.http(method.toUpperCase(), `/api/v1${path}`, {
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

interface Action {
  name: string;
  method: string;
  path: string;
}

/** Every endpoint, about things that are not there. */
export const everything: readonly Action[] = [
  ...allEndpoints.map(({ name, endpoint: { method, path } }) => ({ name, method, path })),
  { name: auditExportName, method: 'get', path: '/audit/export' },
].map((one) => ({ ...one, path: one.path.replaceAll(/:\w+/g, 'nothing') }));

/** `denied`, `unknown` (nobody signed in), or `passed`: whatever came behind the question of who may. */
export async function outcome(server: TestServer, token: string | undefined, action: Action): Promise<string> {
  const status = action.name === 'live' ? await liveStatus(server, token) : await answered(server, token, action);
  if (status === 403) return 'denied';
  return status === 401 && action.name !== 'session.add' ? 'unknown' : 'passed';
}

async function answered(server: TestServer, token: string | undefined, { method, path }: Action): Promise<number> {
  const body = method === 'get' || method === 'delete' ? undefined : {};
  const { status, json, text } = await askAs(server, token, method, path, body);
  // What did not come from the API, such as an answer to broken HTTP, shows nothing.
  expect(status < 300 || json?.code !== undefined, text).toBe(true);
  return status;
}

/** An event stream does not end: it is closed once it has opened. */
const liveStatus = (server: TestServer, token: string | undefined): Promise<number> =>
  openLive(server, token === undefined ? {} : { authorization: `Bearer ${token}` }).then(
    (stream) => {
      stream.close();
      return 200;
    },
    (refused: Error) => Number(refused.message),
  );
