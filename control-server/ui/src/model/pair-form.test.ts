import { addPairSchema, type PairView, pairSchema } from '@netport/protocol';
import { expect, it } from 'vitest';
import { bodyOf, emptyPair, errorsByPath, fieldsOf } from './pair-form.js';

const pair: PairView = pairSchema.parse({
  id: '00112233-4455-6677-8899-aabbccddeeff',
  name: 'web',
  protocol: 'tcp',
  from: { portal: 'laptop', address: '127.0.0.1', port: 8080 },
  to: { portal: 'field-gw', address: 'unix:/run/app.sock' },
  transport: 'quic',
  enabled: true,
  owner: 'token:admin',
  reason: 'why not',
  expiresAt: '2030-01-31T12:00:00.000Z',
  state: 'active',
  error: null,
  revision: 3,
  createdAt: '2029-01-31T12:00:00.000Z',
});

it('a pair that is edited and not changed is the same', () => {
  const { name, protocol, from, to, transport, owner, reason, expiresAt } = pair;
  expect(bodyOf(fieldsOf(pair))).toEqual({ name, protocol, from, to, transport, owner, reason, expiresAt });
});

it('a schedule is edited part by part, and an empty one is none', () => {
  const schedule = { days: ['mon-fri', 'sun'], from: '08:00', to: '18:00', timezone: 'Europe/Berlin' };
  expect(bodyOf(fieldsOf({ ...pair, schedule })).schedule).toEqual(schedule);
  const begun = { ...fieldsOf(pair), 'schedule.days': 'mon, someday' };
  const { issues = [] } = addPairSchema.safeParse(bodyOf(begun)).error ?? {};
  expect(Object.keys(errorsByPath(issues)).sort()).toEqual(['schedule.days', 'schedule.from', 'schedule.to']);
});

it('what is left empty is left to the server', () => {
  const body = bodyOf({
    ...emptyPair,
    name: ' web ',
    'from.portal': 'a',
    'from.port': '80',
    'to.portal': 'b',
    'to.port': '81',
  });
  expect(body).toMatchObject({ name: 'web', from: { portal: 'a', address: '127.0.0.1', port: 80 } });
  expect(body).not.toHaveProperty('owner');
  expect(body).not.toHaveProperty('expiresAt');
  expect(addPairSchema.safeParse(body).success).toBe(true);
});

it('what is no number, or no time, is sent as something that the server refuses', () => {
  const wrong = addPairSchema.safeParse(bodyOf({ ...fieldsOf(pair), 'from.port': 'http', expiresAt: 'soon' }));
  expect(wrong.error?.issues.map(({ path }) => path.join('.')).sort()).toEqual(['expiresAt', 'from.port']);
});

it('errors find their fields, the first of each; the others belong to the form', () => {
  expect(
    errorsByPath([
      { path: 'from.port', message: 'taken' },
      { path: ['from', 'port'], message: 'too' },
      { path: 'from', message: 'same portal' },
      { path: '', message: 'no' },
    ]),
  ).toEqual({ 'from.port': 'taken', '': 'from: same portal' });
});
