import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../test/harness.js';

let server: TestServer;
const names = ['ada', 'bob', 'eve', 'oscar-1', 'oscar-2'];
beforeAll(async () => {
  let now = new Date();
  // Two portals are of one moment: the order of their tokens is then by id.
  server = await startTestServer({ now: () => now });
  for (const name of names) {
    await server.api('POST', '/portals', { name });
    if (name !== 'bob') now = new Date(now.getTime() + 1000);
  }
  for (const name of names.slice(1)) {
    const side = (portal: string) => ({ portal, address: '127.0.0.1', port: 80 });
    await server.api('POST', '/pairs', { name: `pair-${name}`, from: side(name), to: side('ada') });
  }
});
afterAll(() => server.stop());

/** The items of all pages of two, and the answers' totals. */
async function pages(path: string) {
  const items: Record<string, string>[] = [];
  const totals: number[] = [];
  let cursor = '';
  for (;;) {
    const { json } = await server.api('GET', `${path}${path.includes('?') ? '&' : '?'}limit=2${cursor}`);
    expect(json.items.length).toBeGreaterThan(0);
    items.push(...json.items);
    totals.push(json.total);
    if (json.next === undefined) return { items, totals };
    cursor = `&after=${json.next}`;
  }
}
const namesOf = async (path: string) => (await pages(path)).items.map(({ name }) => name);

test('portals and pairs come by name, with how many there are', async () => {
  expect(await namesOf('/portals')).toEqual(names);
  expect((await pages('/portals')).totals).toEqual([5, 5, 5]);
  expect(await namesOf('/pairs')).toEqual(['pair-bob', 'pair-eve', 'pair-oscar-1', 'pair-oscar-2']);
});

test('a search finds part of a name, in either case', async () => {
  expect(await namesOf('/portals?q=OSC')).toEqual(['oscar-1', 'oscar-2']);
  expect((await server.api('GET', '/pairs?q=r-e')).json).toMatchObject({ items: [{ name: 'pair-eve' }], total: 1 });
  expect((await server.api('GET', '/relays?q=a')).json).toEqual({ items: [], total: 0 });
});

test('tokens and certificates come newest first, each once', async () => {
  const { items } = await pages('/tokens');
  expect(items.map(({ name }) => name)).toEqual(['oscar-2', 'oscar-1', expect.anything(), expect.anything(), 'ada']);
  expect(new Set(items.map(({ id }) => id)).size).toBe(5);
  const first = await server.join('relay', 'r-1');
  const second = await server.join('relay', 'r-2');
  expect(first.id).not.toBe(second.id);
  const subjects = (await pages('/certificates')).items.map(({ subject }) => subject);
  expect(new Set(subjects).size).toBe(subjects.length);
  expect(subjects).toHaveLength(3);
});

test.each([
  ['/portals?limit=0', 'limit'],
  ['/portals?limit=1001', 'limit'],
  ['/portals?limit=many', 'limit'],
  ['/portals?colour=red', 'colour'],
  ['/portals?q=%25', 'q'],
  ['/portals?q=a&q=b', 'q'],
  ['/portals?after=', 'after'],
  ['/portals?after=%2b', 'after'],
  ['/portals?after=abc', 'after'],
  [`/pairs?after=${Buffer.from('["Not A Name"]').toString('base64url')}`, 'after'],
  [`/pairs?after=${Buffer.from('{"a":1}').toString('base64url')}`, 'after'],
  [`/tokens?after=${Buffer.from('["yesterday","x"]').toString('base64url')}`, 'after'],
  [`/certificates?after=${Buffer.from('["web"]').toString('base64url')}`, 'after'],
  ['/streams?after=abc', 'after'],
  [`/circuits?after=${'A'.repeat(513)}`, 'after'],
  ['/tunnels?limit=1e9', 'limit'],
  ['/pairs/check?pair=No', 'pair'],
  ['/audit?limit=-1', 'limit'],
  ['/audit?before=x', 'before'],
])('GET %s names the parameter that is wrong', async (path, field) => {
  const { status, json } = path.startsWith('/pairs/check')
    ? await server.api('POST', path, {})
    : await server.api('GET', path);
  expect([status, json.code]).toEqual([400, 'invalid_request']);
  expect(json.errors.map((error: { path: string }) => error.path)).toEqual([field]);
});

test.each<[string, string, unknown, number, string[]]>([
  ['POST', '/portals', { name: 'Ada', colour: 'red' }, 400, ['name', 'colour']],
  ['POST', '/portals', { name: 7 }, 400, ['name']],
  ['POST', '/portals', { name: 'x', labels: { 'a b': 'c' } }, 400, ['labels.a b']],
  ['POST', '/portals', [], 400, ['']],
  ['PATCH', '/relays/r-1', {}, 400, ['labels']],
  ['POST', '/portals/ada/tokens', { lifetimeSeconds: 0.5 }, 400, ['lifetimeSeconds']],
  ['POST', '/portals/ada/tokens', { lifetimeSeconds: '60' }, 400, ['lifetimeSeconds']],
  ['POST', '/portals/nobody/tokens', {}, 404, ['name']],
  ['POST', '/relays/nobody/revoke', {}, 404, ['name']],
  ['DELETE', '/portals/nobody', undefined, 404, ['name']],
  ['DELETE', '/tokens/nothing', undefined, 404, ['id']],
  ['GET', '/pairs/nothing', undefined, 404, ['name']],
  ['POST', '/session', { token: 7, remember: true }, 400, ['token', 'remember']],
])('%s %s with %j names what is wrong', async (method, path, body, status, paths) => {
  const { json, ...answer } = await server.api(method, path, body);
  expect(answer.status).toBe(status);
  expect(json.errors.map((error: { path: string }) => error.path)).toEqual(paths);
});
