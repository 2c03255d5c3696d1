import { type Role, roles } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLive, startTestServer, type TestServer } from '../../test/harness.js';
import { allEndpoints, auditExportName } from './endpoint-names.js';

/** The least role that may: stated here again, so that nobody gets a right by a slip of the pen. */
const expected: Record<string, Role | 'anyone'> = {
  'session.add': 'anyone',
  'session.methods': 'anyone',
  'session.oidc': 'anyone',
  'session.oidcCallback': 'anyone',
  'session.remove': 'viewer',
  'session.removeAll': 'viewer',
  'session.password': 'viewer',
  whoami: 'viewer',
  live: 'viewer',
  'portal.list': 'viewer',
  'portal.show': 'viewer',
  'portal.add': 'operator',
  'portal.change': 'operator',
  'portal.remove': 'operator',
  'portal.token': 'operator',
  'portal.revoke': 'operator',
  'relay.list': 'viewer',
  'relay.show': 'viewer',
  'relay.add': 'operator',
  'relay.change': 'operator',
  'relay.remove': 'operator',
  'relay.token': 'operator',
  'relay.revoke': 'operator',
  'token.list': 'viewer',
  'token.remove': 'operator',
  'pair.list': 'viewer',
  'pair.show': 'viewer',
  'pair.check': 'viewer',
  'pair.add': 'operator',
  'pair.change': 'operator',
  'pair.remove': 'operator',
  'circuit.list': 'viewer',
  'tunnel.list': 'viewer',
  'stream.list': 'viewer',
  'audit.list': 'viewer',
  'audit.head': 'viewer',
  'audit.export': 'viewer',
  'explain.ask': 'viewer',
  'explain.probe': 'operator',
  'explain.event': 'viewer',
  'certificate.list': 'viewer',
  'authority.show': 'viewer',
  'authority.rollover': 'admin',
  'deviceAuthority.list': 'viewer',
  'deviceAuthority.add': 'admin',
  'deviceAuthority.remove': 'admin',
  'policy.show': 'viewer',
  'policy.diff': 'viewer',
  'policy.apply': 'operator',
  'apiToken.list': 'admin',
  'apiToken.add': 'admin',
  'apiToken.remove': 'admin',
  'localAdmin.list': 'admin',
  'localAdmin.add': 'admin',
  'localAdmin.change': 'admin',
  'localAdmin.remove': 'admin',
};

let server: TestServer;
const tokens = {} as Record<Role, string>;
beforeAll(async () => {
  server = await startTestServer();
  for (const role of roles) {
    tokens[role] = (await server.api('POST', '/api-tokens', { name: `a-${role}`, role })).json.token;
  }
  for (const name of ['a', 'b']) await server.api('POST', '/portals', { name });
});
afterAll(() => server.stop());

const ask = (token: string | undefined, method: string, path: string, body?: unknown) =>
  server.http(method.toUpperCase(), `/api/v1${path}`, {
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

/** `denied`, `unknown` (nobody signed in), or `passed`: whatever came behind the question of who may. */
async function outcome(token: string | undefined, name: string, method: string, path: string): Promise<string> {
  const body = method === 'get' || method === 'delete' ? undefined : {};
  const status = name === 'live' ? await liveStatus(token) : await answered(token, method, path, body);
  if (status === 403) return 'denied';
  return status === 401 && name !== 'session.add' ? 'unknown' : 'passed';
}

async function answered(token: string | undefined, method: string, path: string, body: unknown): Promise<number> {
  const { status, json, text } = await ask(token, method, path, body);
  // What did not come from the API, such as an answer to broken HTTP, shows nothing.
  expect(status < 300 || json?.code !== undefined, text).toBe(true);
  return status;
}

/** An event stream does not end: it is closed once it has opened. */
const liveStatus = (token: string | undefined): Promise<number> =>
  openLive(server, token === undefined ? {} : { authorization: `Bearer ${token}` }).then(
    (stream) => {
      stream.close();
      return 200;
    },
    (refused: Error) => Number(refused.message),
  );

const everything = [
  ...allEndpoints.map(({ name, endpoint: { method, path } }) => ({ name, method, path })),
  { name: auditExportName, method: 'get' as const, path: '/audit/export' },
].map((one) => ({ ...one, path: one.path.replaceAll(/:\w+/g, 'nothing') }));

describe('who may what', () => {
  test.each(everything)('$name', async ({ name, method, path }) => {
    const least = expected[name];
    expect(least, `the table of this test lacks ${name}`).toBeDefined();
    const got: Record<string, string> = { nobody: await outcome(undefined, name, method, path) };
    for (const role of roles) got[role] = await outcome(tokens[role], name, method, path);
    const may = (role: Role) => least === 'anyone' || roles.indexOf(role) >= roles.indexOf(least as Role);
    expect(got).toEqual({
      nobody: least === 'anyone' ? 'passed' : 'unknown',
      ...Object.fromEntries(roles.map((role) => [role, may(role) ? 'passed' : 'denied'])),
    });
  });
});

test('who is denied reads which role it takes, and it is written down', async () => {
  const { status, json } = await ask(tokens.viewer, 'POST', '/portals', { name: 'c' });
  expect([status, json.code]).toEqual([403, 'forbidden']);
  expect(json.detail).toBe('this takes the role operator; token:a-viewer has the role viewer');
  const { items } = (await server.api('GET', '/audit?action=api.deny&limit=1')).json;
  expect(items).toMatchObject([
    { actor: 'token:a-viewer', subject: 'POST /api/v1/portals', code: 'forbidden', detail: { message: json.detail } },
  ]);
});

test('whoami says what one is and may', async () => {
  const { json } = await ask(tokens.viewer, 'GET', '/whoami');
  expect(json).toMatchObject({ actor: 'token:a-viewer', role: 'viewer' });
  expect(json.may).toContain('pair.list');
  expect(json.may).not.toContain('pair.change');
});

describe('the owner of an access pair', () => {
  const portals = {
    from: { portal: 'a', address: '127.0.0.1', port: 8080 },
    to: { portal: 'b', address: '127.0.0.1', port: 80 },
  };
  beforeAll(async () => {
    for (const [name, port, owner] of [
      ['mine', 8080, 'token:a-viewer'],
      ['theirs', 8081, 'token:other'],
    ] as const) {
      const from = { ...portals.from, port };
      const { status } = await server.api('POST', '/pairs', { ...portals, name, from, owner });
      expect(status).toBe(201);
    }
  });
  const viewer = (method: string, path: string, body?: unknown) => ask(tokens.viewer, method, path, body);

  test('disables, enables and explains his own, and nobody else’s', async () => {
    for (const body of [{ enabled: false }, { enabled: true }, { reason: 'needed' }, { transport: 'tcp' }, portals]) {
      expect((await viewer('PATCH', '/pairs/mine', body)).status).toBe(200);
      const { status, json } = await viewer('PATCH', '/pairs/theirs', body);
      expect([status, json.code]).toEqual([403, 'forbidden']);
      expect(json.detail).toMatch(/role operator, or to be the owner/);
    }
  });

  test('does not lead it elsewhere', async () => {
    for (const body of [
      { to: { ...portals.to, port: 22 } },
      { from: { ...portals.from, port: 1 } },
      { protocol: 'udp' },
    ]) {
      const { status, json } = await viewer('PATCH', '/pairs/mine', body);
      expect([status, json.code, json.errors[0].path]).toEqual([403, 'forbidden', Object.keys(body)[0]]);
    }
    expect((await server.api('GET', '/pairs/mine')).json.to.port).toBe(80);
  });

  test('removes it, and adds no other', async () => {
    expect((await viewer('DELETE', '/pairs/theirs')).status).toBe(403);
    expect((await viewer('DELETE', '/pairs/mine')).status).toBe(200);
    expect((await viewer('POST', '/pairs', { ...portals, name: 'mine' })).status).toBe(403);
  });
});
