import { limits, type PortalEvent } from '@netport/protocol';
import { expect, it } from 'vitest';
import { EventQueue } from './events.js';
import { portalEvent } from './session.js';

it('keeps events through an outage, drops the oldest beyond the bound, and counts them', () => {
  const sent: PortalEvent[] = [];
  let up = false;
  const queue = new EventQueue((event) => {
    if (up) sent.push(event);
    return up;
  });
  for (let i = 0; i < limits.eventQueue + 2; i += 1) queue.push(portalEvent('stream.failed', 'dns_failed', String(i)));
  expect(sent).toEqual([]);
  up = true;
  queue.flush();
  expect(queue.dropped).toBe(2);
  expect([sent.length, sent[0]?.message, sent.at(-1)?.message]).toEqual([limits.eventQueue, '2', '1001']);
});
