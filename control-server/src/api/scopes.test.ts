import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askAs, everything, outcome } from '../../test/every-endpoint.js';
import { startTestServer, type TestServer } from '../../test/harness.js';

/** For anyone, and what concerns nobody but who asks. */
const always = ['session.add', 'session.methods', 'session.oidc', 'session.oidcCallback', 'session.remove'].concat(
  'session.removeAll',
  'whoami',
);

/** Each scoped token, and all that it may: stated here again, so that nobody gets a right by a slip of a pattern. */
const expected = {
  one: { role: 'viewer', scopes: ['portal.list'], may: ['portal.list'] },
  'a-resource': {
    ...{ role: 'operator', scopes: ['pair.*'] },
    may: ['pair.list', 'pair.show', 'pair.check', 'pair.add', 'pair.change', 'pair.remove'],
  },
  'an-action': {
    ...{ role: 'operator', scopes: ['*.list'] },
    may: everything
      .map(({ name }) => name)
      .filter((name) => name.endsWith('.list') && name !== 'apiToken.list' && name !== 'localAdmin.list'),
  },
  'more-than-the-role': { role: 'viewer', scopes: ['relay.*', 'apiToken.*'], may: ['relay.list', 'relay.show'] },
  'own-only': { role: 'admin', scopes: ['pair.*:own', 'pair.add', 'live'], may: ['pair.add', 'live'] },
};

let server: TestServer;
const tokens: Record<string, string> = {};
beforeAll(async () => {
  server = await startTestServer();
  for (const [name, { role, scopes }] of Object.entries(expected)) {
    const { json } = await server.api('POST', '/api-tokens', { name, role, scopes });
    expect(json).toMatchObject({ name, role, scopes });
    tokens[name] = json.token;
  }
  for (const name of ['a', 'b']) await server.api('POST', '/portals', { name });
});
afterAll(() => server.stop());

const ask = (name: string, method: string, path: string, body?: unknown) =>
  askAs(server, tokens[name], method, path, body);

describe('which scope opens what', () => {
  // Signing out everywhere would end the sessions of tests that come later.
  test.each(everything)('$name', async (action) => {
    const got: Record<string, string> = {};
    const wanted: Record<string, string> = {};
    for (const [name, { may }] of Object.entries(expected)) {
      got[name] = await outcome(server, tokens[name], action);
      wanted[name] = may.includes(action.name) || always.includes(action.name) ? 'passed' : 'denied';
    }
    expect(got).toEqual(wanted);
  });
});

test('who is denied reads which scope it takes, and it is written down', async () => {
  const { status, json } = await ask('a-resource', 'POST', '/portals', { name: 'c' });
  expect([status, json.code]).toEqual([403, 'forbidden']);
  expect(json.detail).toBe(
    'this takes the scope portal.add; token:a-resource has the role operator with the scopes pair.*',
  );
  const { items } = (await server.api('GET', '/audit?action=api.deny&limit=1')).json;
  expect(items).toMatchObject([
    { actor: 'token:a-resource', subject: 'POST /api/v1/portals', detail: { message: json.detail } },
  ]);
});

test('where the role is what lacks, that is what is said', async () => {
  const { json } = await ask('more-than-the-role', 'POST', '/relays', { name: 'c' });
  expect(json.detail).toMatch(/^this takes the role operator; /);
});

test('lists and whoami tell of scopes', async () => {
  const { items } = (await server.api('GET', '/api-tokens')).json;
  const listed = Object.fromEntries(items.map((item: { name: string; scopes: unknown }) => [item.name, item.scopes]));
  expect(listed).toMatchObject({ admin: null, one: ['portal.list'] });
  expect((await ask('own-only', 'GET', '/whoami')).json).toMatchObject({
    ...{ role: 'admin', scopes: ['pair.*:own', 'pair.add', 'live'] },
    may: expect.not.arrayContaining(['pair.change']),
    mayOwn: ['pair.show', 'pair.change', 'pair.remove'],
  });
});

test('a session has the scopes of the token that opened it', async () => {
  const opened = await askAs(server, undefined, 'POST', '/session', { token: tokens.one });
  const cookie = /^[^;]+/.exec(String(opened.headers['set-cookie']))?.[0] ?? '';
  const status = async (path: string) => (await server.http('GET', `/api/v1${path}`, { headers: { cookie } })).status;
  expect([await status('/portals'), await status('/relays')]).toEqual([200, 403]);
});

test('access pairs of its own, and nobody else’s', async () => {
  const pair = (name: string, port: number) => ({
    name,
    from: { portal: 'a', address: '127.0.0.1', port },
    to: { portal: 'b', address: '127.0.0.1', port: 80 },
  });
  expect((await ask('own-only', 'POST', '/pairs', pair('mine', 8080))).status).toBe(201);
  expect((await server.api('POST', '/pairs', pair('theirs', 8081))).status).toBe(201);
  for (const [method, body] of [
    ['GET', undefined],
    ['PATCH', { enabled: false }],
    // It is an operator's own: that may lead it elsewhere, too.
    ['PATCH', { to: { portal: 'b', address: '127.0.0.1', port: 22 } }],
    ['DELETE', undefined],
  ] as const) {
    expect([method, (await ask('own-only', method, '/pairs/mine', body)).status]).toEqual([method, 200]);
    const { status, json } = await ask('own-only', method, '/pairs/theirs', body);
    expect([method, status]).toEqual([method, 403]);
    expect(json.detail).toMatch(/^this takes the scope pair\.\w+, or to own the access pair; /);
  }
});

describe('nobody gives more than he has', () => {
  beforeAll(async () => {
    const giver = { name: 'giver', role: 'admin', scopes: ['apiToken.*', 'localAdmin.*', 'portal.list'] };
    tokens.giver = (await server.api('POST', '/api-tokens', giver)).json.token;
    await server.api('POST', '/admins', { name: 'ada', role: 'viewer' });
  });

  test.each([
    ['a token with all of a role', 'POST', '/api-tokens', { name: 'x', role: 'viewer' }],
    ['a token with other scopes', 'POST', '/api-tokens', { name: 'x', role: 'viewer', scopes: ['pair.list'] }],
    ['a local admin', 'POST', '/admins', { name: 'x', role: 'viewer' }],
    ['the password of a local admin', 'PATCH', '/admins/ada', { password: null }],
  ])('%s', async (_what, method, path, body) => {
    const { status, json } = await ask('giver', method, path, body);
    expect([status, json.code]).toEqual([403, 'forbidden']);
    expect(json.detail).toMatch(/^token:giver would give what it does not have: /);
    const { items } = (await server.api('GET', '/audit?action=api.deny&limit=1')).json;
    expect(items).toMatchObject([{ actor: 'token:giver', subject: `${method} /api/v1${path}` }]);
  });

  test('but what he has', async () => {
    const body = { name: 'less', role: 'operator', scopes: ['portal.list', 'portal.list'] };
    expect(await ask('giver', 'POST', '/api-tokens', body)).toMatchObject({
      ...{ status: 201, json: { scopes: ['portal.list'] } },
    });
  });
});

describe('what is no scope', () => {
  const add = async (...scopes: string[]) =>
    (await server.api('POST', '/api-tokens', { name: 'wrong', role: 'viewer', scopes })).json;

  test.each([
    ['pair.lst', 'no endpoint is named pair.lst: near it are pair.list, pair.add, pair.*'],
    ['portals.*', 'no endpoint is named portals.*: near it are portal.*, portal.show, portal.add'],
    ['*.liste', 'no endpoint is named *.liste: near it are *.list'],
    ['something.else', 'no endpoint is named something.else: GET /api/v1/openapi.json has them as operationId'],
    ['pair.list:own', 'pair.list:own: only pair.show, pair.change, pair.remove can be for own access pairs'],
  ])('%s', async (scope, message) => {
    expect(await add('portal.list', scope)).toMatchObject({
      ...{ code: 'invalid_request', errors: [{ path: 'scopes.1', message }] },
    });
  });

  test.each([[''], ['*'], ['*.*'], ['pair'.concat('.', 'x'.repeat(64))], ['pair.list.all'], ['pair list']])(
    '"%s"',
    async (scope) => {
      expect(await add(scope)).toMatchObject({ code: 'invalid_request', errors: [{ path: 'scopes.0' }] });
    },
  );

  test('no scope at all', async () => {
    expect(await add()).toMatchObject({ code: 'invalid_request', errors: [{ path: 'scopes' }] });
  });
});
