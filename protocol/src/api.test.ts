import { describe, expect, it } from 'vitest';
import { type ApiEndpoint, addMemberSchema, addTokenSchema, endpoints, problemSchema } from './api.js';
import { limits } from './limits.js';
import { addPairSchema, changePairSchema } from './policy.js';

const all: ApiEndpoint[] = Object.values(endpoints).flatMap((entry) =>
  'method' in entry ? [entry as ApiEndpoint] : Object.values(entry as Record<string, ApiEndpoint>),
);
const pair = {
  name: 'web',
  from: { portal: 'laptop', address: '127.0.0.1', port: 8080 },
  to: { portal: 'field-gw', address: '10.0.0.5', port: 80 },
};

describe('endpoints', () => {
  it('have one meaning for each method and path', () => {
    const keys = all.map(({ method, path }) => `${method} ${path.replace(/:\w+/, ':')}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('say what makes something (201, with a body) and never send one with get or delete', () => {
    for (const { method, path, body, status } of all) {
      if (method === 'get' || method === 'delete') expect(body, `${method} ${path}`).toBeUndefined();
      if (status === 201) expect(body, `${method} ${path}`).toBeDefined();
    }
  });
});

describe('request bodies', () => {
  it('get their defaults', () => {
    expect(addPairSchema.parse(pair)).toEqual({
      ...pair,
      protocol: 'tcp',
      transport: 'auto',
      enabled: true,
      reason: '',
    });
    expect(addTokenSchema.parse({})).toEqual({});
  });

  it.each([
    ['an unknown field', addPairSchema, { ...pair, protocl: 'udp' }],
    ['an id of the client', addPairSchema, { ...pair, id: '00112233-4455-6677-8899-aabbccddeeff' }],
    ['no from', addPairSchema, { ...pair, from: undefined }],
    ['a wrong address', addPairSchema, { ...pair, to: { ...pair.to, address: '10.0.0.300' } }],
    [
      'udp on a unix socket',
      addPairSchema,
      { ...pair, protocol: 'udp', to: { portal: 'b', address: 'unix:/run/x.sock' } },
    ],
    ['a local time', addPairSchema, { ...pair, expiresAt: '2030-01-31 12:00' }],
    ['an upper-case name', addMemberSchema, { name: 'Laptop' }],
    ['an unknown field', addMemberSchema, { name: 'laptop', kind: 'relay' }],
    ['no lifetime', addTokenSchema, { lifetimeSeconds: 0 }],
    ['too long a lifetime', addTokenSchema, { lifetimeSeconds: limits.joinTokenLifetimeMax / 1000 + 1 }],
    ['no boolean', changePairSchema, { enabled: 'false' }],
    ['nothing to change', changePairSchema, {}],
  ])('are refused with %s', (_, schema, body) => {
    expect(schema.safeParse(body).success).toBe(false);
  });
});

it('an audit query reads its numbers from text, and is bounded', () => {
  const { query } = endpoints.audit.list;
  expect(query.parse({})).toEqual({ limit: 100 });
  expect(query.parse({ limit: '5', before: '17', action: 'pair.add' })).toEqual({
    limit: 5,
    before: 17,
    action: 'pair.add',
  });
  for (const wrong of [{ limit: '0' }, { limit: '1001' }, { limit: 'all' }, { before: '-1' }, { action: ['a', 'b'] }]) {
    expect(query.safeParse(wrong).success, JSON.stringify(wrong)).toBe(false);
  }
});

it('a problem carries a code of the list', () => {
  const problem = { type: 'about:blank', title: 'Not found', status: 404, detail: 'no portal x', code: 'not_found' };
  expect(problemSchema.safeParse(problem).success).toBe(true);
  expect(problemSchema.safeParse({ ...problem, code: 'nothing_found' }).success).toBe(false);
});
