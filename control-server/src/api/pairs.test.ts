import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../test/harness.js';

let server: TestServer;
const side = (portal: string, port = 80) => ({ portal, address: '127.0.0.1', port });
const pair = (name: string, port: number) => ({ name, from: side('left', port), to: side('right') });

beforeAll(async () => {
  server = await startTestServer();
  for (const name of ['left', 'right']) await server.api('POST', '/portals', { name, labels: { site: name } });
});
afterAll(() => server.stop());

const change = (name: string, body: unknown, headers: Record<string, string> = {}) =>
  server.http('PATCH', `/api/v1/pairs/${name}`, {
    headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
const changesOf = async (name: string) =>
  (await server.api('GET', `/audit?action=pair.change&subject=${name}`)).json.items;

test('a pair has an owner, a reason and a revision, and whoever grants it is its owner by default', async () => {
  const { json, headers } = await server.api('POST', '/pairs', { ...pair('owned', 1000), reason: ' a reason ' });
  expect(json).toMatchObject({ owner: 'token:admin', reason: 'a reason', revision: 1 });
  expect(headers.etag).toBe('"1"');
  const other = await server.api('POST', '/pairs', { ...pair('of-ada', 1001), owner: 'ada' });
  expect(other.json.owner).toBe('ada');
});

test('of two who edit what they read, the second gets a conflict', async () => {
  await server.api('POST', '/pairs', pair('edited', 1010));
  const { headers } = await server.api('GET', '/pairs/edited');
  const match = { 'if-match': String(headers.etag) };
  const first = await change('edited', { to: side('right', 81), reason: 'moved' }, match);
  expect(first.json).toMatchObject({ to: { port: 81 }, reason: 'moved', revision: 2 });
  expect(first.headers.etag).toBe('"2"');

  const second = await change('edited', { to: side('right', 82) }, match);
  expect([second.status, second.json.code]).toEqual([409, 'conflict']);
  expect((await server.api('GET', '/pairs/edited')).json.to.port).toBe(81);
  expect((await change('edited', { to: side('right', 82) })).status).toBe(200);
  expect(await changesOf('edited')).toMatchObject([
    { detail: { before: { to: 'right:127.0.0.1:81' }, after: { to: 'right:127.0.0.1:82' } } },
    { detail: { before: { reason: null }, after: { to: 'right:127.0.0.1:81', reason: 'moved' } } },
  ]);
});

test('a change that changes nothing makes no revision', async () => {
  await server.api('POST', '/pairs', pair('same', 1020));
  expect((await change('same', { enabled: true, from: side('left', 1020) })).json.revision).toBe(1);
  expect((await change('same', { enabled: false }, { 'if-match': '*' })).json.revision).toBe(2);
});

test('an expiry can be set, and taken away', async () => {
  await server.api('POST', '/pairs', pair('brief', 1030));
  expect((await change('brief', { expiresAt: '2999-01-01T00:00:00Z' })).json.expiresAt).toBe(
    '2999-01-01T00:00:00.000Z',
  );
  expect((await change('brief', { expiresAt: null })).json).not.toHaveProperty('expiresAt');
});

test('a schedule can be set, and taken away', async () => {
  const schedule = { days: ['mon-fri'], from: '08:00', to: '18:00', timezone: 'Europe/Berlin' };
  expect((await server.api('POST', '/pairs', { ...pair('weekly', 1060), schedule })).json.schedule).toEqual(schedule);
  const night = { ...schedule, from: '22:00', to: '06:00' };
  expect((await change('weekly', { schedule: night })).json).toMatchObject({ schedule: night, revision: 2 });
  expect((await change('weekly', { schedule: null })).json).not.toHaveProperty('schedule');
  expect((await changesOf('weekly'))[0].detail).toEqual({
    before: { schedule: 'mon-fri 22:00-06:00 Europe/Berlin' },
    after: { schedule: null },
  });
  const wrong = await change('weekly', { schedule: { ...schedule, days: ['someday'] } });
  expect(wrong.json.errors).toEqual([{ path: 'schedule.days.0', message: expect.stringContaining('mon-fri') }]);
});

test.each<[string, unknown, Record<string, string>, number, string, string[]]>([
  ['nothing', {}, {}, 400, 'invalid_request', ['']],
  ['the name', { name: 'other' }, {}, 400, 'invalid_request', ['name']],
  ['a type', { enabled: 'no' }, {}, 400, 'invalid_request', ['enabled']],
  ['no owner', { owner: '  ' }, {}, 400, 'invalid_request', ['owner']],
  ['too much of a reason', { reason: 'x'.repeat(501) }, {}, 400, 'invalid_request', ['reason']],
  [
    'fields that do not go together',
    { to: { portal: 'right', address: 'unix:/x' } },
    {},
    400,
    'invalid_request',
    ['to.address'],
  ],
  ['a listener that is taken', { from: side('left', 1041) }, {}, 409, 'already_exists', ['from.port']],
  ['a portal that is not there', { to: side('nobody') }, {}, 404, 'not_found', ['to.portal']],
  ['to the same portal', { to: side('left') }, {}, 400, 'invalid_request', ['to.portal']],
  ['a time that has passed', { expiresAt: '2001-01-01T00:00:00Z' }, {}, 400, 'invalid_request', ['expiresAt']],
  ['with a tag that is none', { enabled: false }, { 'if-match': '1' }, 400, 'invalid_request', ['If-Match']],
])('a change to %s is refused, with the field', async (_what, body, headers, status, code, paths) => {
  await server.api('POST', '/pairs', { ...pair('strict', 1040), protocol: 'udp' });
  await server.api('POST', '/pairs', { ...pair('taken', 1041), protocol: 'udp' });
  const answer = await change('strict', body, headers);
  expect([answer.status, answer.json.code]).toEqual([status, code]);
  expect(answer.json.errors.map(({ path }: { path: string }) => path)).toEqual(paths);
  expect((await server.api('GET', '/pairs/strict')).json.revision).toBe(1);
});

test('a check says everything at once, and changes nothing', async () => {
  await server.api('POST', '/pairs', pair('there', 1050));
  const check = async (body: unknown, query = '') => {
    const { status, json } = await server.api('POST', `/pairs/check${query}`, body);
    expect(status).toBe(200);
    return json.conflicts.map(({ path, code }: { path: string; code: string }) => [path, code]);
  };
  expect(await check(pair('fine', 1051))).toEqual([]);
  expect((await server.api('GET', '/pairs/fine')).status).toBe(404);
  expect(await check({ ...pair('there', 1050), to: side('nobody'), expiresAt: '2001-01-01T00:00:00Z' })).toEqual([
    ['expiresAt', 'invalid_request'],
    ['name', 'already_exists'],
    ['to.portal', 'not_found'],
    ['from.port', 'already_exists'],
  ]);
  expect(
    await check({ name: 'there', from: side('left', 1050), to: { portal: 'right', address: '::', port: 0 } }),
  ).toEqual([
    ['to.address', 'invalid_request'],
    ['to.port', 'invalid_request'],
    ['name', 'already_exists'],
    ['from.port', 'already_exists'],
  ]);
  expect(await check({})).toEqual([
    ['name', 'invalid_request'],
    ['from', 'invalid_request'],
    ['to', 'invalid_request'],
  ]);
  expect(await check(pair('there', 1050), '?pair=there')).toEqual([]);
  // Of a side that is not finished, what is there is looked at.
  expect(await check({ ...pair('unfinished', 1052), to: { portal: 'nobody', address: '10.0.0.5' } })).toEqual([
    ['to.port', 'invalid_request'],
    ['to.portal', 'not_found'],
  ]);
  expect(await check({ name: 'half', from: { portal: 'left' }, to: { portal: 'left' } })).toEqual([
    ['from.address', 'invalid_request'],
    ['to.address', 'invalid_request'],
    ['to.portal', 'invalid_request'],
  ]);
});

test('what is missing is said to be, in words', async () => {
  const { json } = await server.api('POST', '/pairs', { name: 'half', from: { portal: 'left' } });
  expect(json.errors).toEqual([
    { path: 'from.address', message: 'required' },
    { path: 'to', message: 'required' },
  ]);
  expect(json.detail).toBe('from.address: required');
});

test('labels are there from the start, change as a whole, and say why they are refused', async () => {
  expect((await server.api('GET', '/portals/left')).json.labels).toEqual({ site: 'left' });
  const label = (labels: unknown) => server.api('PATCH', '/portals/left', { labels });
  expect((await label({ role: 'spare' })).json.labels).toEqual({ role: 'spare' });
  const wrong = await label({ role: 'not this', 'not that': 'x' });
  expect(wrong.json.errors.map(({ path }: { path: string }) => path)).toEqual(['labels.role', 'labels.not that']);
  const many = Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`k${at}`, '']));
  expect((await label(many)).json.errors).toEqual([{ path: 'labels', message: expect.stringContaining('16') }]);
  expect((await server.api('PATCH', '/portals/nobody', { labels: {} })).json.code).toBe('not_found');
});
