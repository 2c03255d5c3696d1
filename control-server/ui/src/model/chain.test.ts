import { createHash } from 'node:crypto';
import { type AuditEventView, canonicalEvent, chainStart } from '@netport/protocol';
import { expect, test } from 'vitest';
import { chainBreaks } from './chain.js';

/** Newest first, as the server lists them. */
function trail(length: number): AuditEventView[] {
  const events: AuditEventView[] = [];
  for (let id = 1; id <= length; id += 1) {
    const event = {
      ...{ id, at: '2030-01-31T12:00:00.000Z', actor: 'token:admin', origin: null, action: 'pair.add' },
      ...{ subject: `naïve-${id}`, code: null, detail: { id }, previous: events.at(-1)?.hash ?? chainStart },
    };
    events.push({ ...event, hash: createHash('sha256').update(canonicalEvent(event)).digest('hex') });
  }
  return events.reverse();
}

const ids = async (events: AuditEventView[], filtered: boolean) =>
  (await chainBreaks(events, filtered)).map(({ id }) => id);

test('a page from the middle of the trail is as it was written', async () => {
  expect(await ids(trail(5).slice(0, 3), false)).toEqual([]);
  expect(await ids([], false)).toEqual([]);
});

test('a changed event is found, filtered or not', async () => {
  const events = trail(4).map((event) => (event.id === 2 ? { ...event, actor: 'token:eve' } : event));
  expect(await ids(events, true)).toEqual([2]);
  expect(await ids(events, false)).toContain(2);
});

test('a missing event is found where none may be missing', async () => {
  const events = trail(4).filter(({ id }) => id !== 3);
  expect(await ids(events, false)).toEqual([3]);
  expect(await ids(events, true)).toEqual([]);
});
