import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type AuditEventView, auditEventSchema } from './api-views.js';
import { ChainCheck, canonicalEvent, canonicalJson, chainStart, type UnhashedEvent } from './audit-chain.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The example of docs/audit.md. */
const first: UnhashedEvent = {
  id: 1,
  at: '2030-01-01T00:00:00.000Z',
  actor: 'token:admin',
  origin: '192.0.2.7:50312',
  action: 'portal.add',
  subject: 'laptop',
  code: null,
  detail: {},
  previous: chainStart,
};

function chain(length: number, from = 1, previous = chainStart): AuditEventView[] {
  const events: AuditEventView[] = [];
  for (let id = from; id < from + length; id += 1) {
    const event = { ...first, id, detail: { n: id }, previous: events.at(-1)?.hash ?? previous };
    events.push({ ...event, hash: sha256(canonicalEvent(event)) });
  }
  return events;
}

function check(events: readonly AuditEventView[]) {
  const walk = new ChainCheck(sha256);
  for (const event of events) {
    const broken = walk.next(event);
    if (broken) return broken.id;
  }
  return { count: walk.count, last: walk.last?.id, missingBefore: walk.missingBefore };
}

it('writes JSON as RFC 8785 does', () => {
  const value = {
    b: [1, 1e21, 0.1, -0, true, null],
    a: { é: '\u0007"\\/\u2028', Z: undefined, _: '€' },
    '\u{1f600}': 1,
    ﬀ: 2,
  };
  // UTF-16 code units put the surrogates of an emoji before U+FB00.
  expect(canonicalJson(value)).toBe(
    '{"a":{"_":"€","é":"\\u0007\\"\\\\/\u2028"},"b":[1,1e+21,0.1,0,true,null],"\u{1f600}":1,"ﬀ":2}',
  );
});

it('hashes the example of the document', () => {
  expect(sha256(canonicalEvent(first))).toBe('11a23d4a59b8e5a4a5d925ad8b129912d2ec8055e28d205ac520b076c04b1ac4');
  expect(auditEventSchema.safeParse(chain(1)[0]).success).toBe(true);
});

describe('a chain', () => {
  const whole = chain(6);
  const changed = (id: number, change: Partial<AuditEventView>) =>
    whole.map((event) => (event.id === id ? { ...event, ...change } : event));
  const swapped = (a: number, b: number) =>
    whole.map((event) => {
      const other = event.id === a ? whole[b - 1] : event.id === b ? whole[a - 1] : event;
      return { ...(other ?? event), id: event.id };
    });
  const rehashed = (id: number, change: Partial<AuditEventView>) =>
    changed(id, change).map((event) => (event.id === id ? { ...event, hash: sha256(canonicalEvent(event)) } : event));

  it('is whole', () => expect(check(whole)).toEqual({ count: 6, last: 6, missingBefore: undefined }));

  it.each<[what: string, events: AuditEventView[], broken: number]>([
    ['an actor that was changed', changed(3, { actor: 'token:other' }), 3],
    ['a detail that was changed', changed(3, { detail: { n: 33 } }), 3],
    ['a time that was changed', changed(1, { at: '2030-01-01T00:00:00.001Z' }), 1],
    ['the last event changed', changed(6, { subject: 'other' }), 6],
    ['an event changed and hashed again', rehashed(3, { actor: 'token:other' }), 4],
    ['an event removed', whole.filter(({ id }) => id !== 3), 3],
    ['two events swapped', swapped(2, 3), 2],
    ['an event twice', [...whole.slice(0, 3), ...whole.slice(2)], 3],
    ['the order turned round', whole.toReversed(), 5],
  ])('is broken by %s', (_what, events, broken) => expect(check(events)).toBe(broken));

  it('that begins later says what it lacks, unless an event of retention does', () => {
    const kept = whole.slice(3);
    expect(check(kept)).toEqual({ count: 3, last: 6, missingBefore: 4 });
    const anchor = (detail: Record<string, unknown>) => {
      const [event] = chain(1, 7, whole[5]?.hash);
      if (!event) throw new Error('no event');
      const pruned = { ...event, action: 'audit.prune', detail };
      return { ...pruned, hash: sha256(canonicalEvent(pruned)) };
    };
    const right = { through: 3, hash: whole[2]?.hash };
    expect(check([...kept, anchor(right)])).toMatchObject({ missingBefore: undefined });
    expect(check([...kept, anchor({ ...right, hash: chainStart })])).toMatchObject({ missingBefore: 4 });
    expect(check([...kept, anchor({ ...right, through: 2 })])).toMatchObject({ missingBefore: 4 });
  });

  it('whose first event follows on something else is not whole', () => {
    expect(check(chain(2, 1, 'f'.repeat(64)))).toMatchObject({ missingBefore: 1 });
  });
});
