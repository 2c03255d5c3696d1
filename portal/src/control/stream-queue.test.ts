import { randomUUID } from 'node:crypto';
import {
  limits,
  pairIdSchema,
  type SpiffeId,
  type StreamBatch,
  type StreamReport,
  streamIdSchema,
} from '@netport/protocol';
import { describe, expect, it } from 'vitest';
import { StreamQueue } from './stream-queue.js';

const report = (): StreamReport => ({
  event: 'open',
  stream: streamIdSchema.parse(randomUUID()),
  pair: pairIdSchema.parse(randomUUID()),
  peer: 'spiffe://netport.test/portal/b' as SpiffeId,
  direction: 'outgoing',
  protocol: 'tcp',
  transport: 'quic',
  source: '127.0.0.1:1',
  openedAt: '2030-01-01T00:00:00.000Z',
});

/** A session that can be up or down, and what it carried. */
function session() {
  const sent: StreamBatch[] = [];
  const state = { up: true };
  const queue = new StreamQueue((batch) => {
    if (state.up) sent.push(batch);
    return state.up;
  });
  const push = (count: number): void => {
    for (let i = 0; i < count; i += 1) queue.push(report());
  };
  return { sent, state, queue, push };
}

describe('reports of streams', () => {
  it('travel in full batches, and stay until these are kept', () => {
    const { sent, queue, push } = session();
    push(2 * limits.streamReportsPerBatch);
    expect(sent.map(({ batch, reports }) => [batch, reports.length])).toEqual([
      [1, limits.streamReportsPerBatch],
      [2, limits.streamReportsPerBatch],
    ]);
    queue.kept(1);
    queue.kept(1);
    queue.kept(99);
    expect(queue.size).toBe(limits.streamReportsPerBatch);
  });

  it('go again in the next session, with those that waited for it', () => {
    const { sent, state, queue, push } = session();
    push(limits.streamReportsPerBatch);
    state.up = false;
    push(3);
    queue.kept(7);
    state.up = true;
    queue.resume();
    expect(sent.map(({ batch, reports }) => [batch, reports.length])).toEqual([
      [1, limits.streamReportsPerBatch],
      [1, limits.streamReportsPerBatch],
      [2, 3],
    ]);
    expect(sent[1]).toEqual(sent[0]);
  });

  it('are never more than may be: what comes last is dropped, and the next batch says how many', () => {
    const { sent, state, queue, push } = session();
    state.up = false;
    push(limits.streamReports + 5);
    expect([queue.size, queue.dropped]).toEqual([limits.streamReports, 5]);
    state.up = true;
    queue.resume();
    expect(sent).toHaveLength(limits.streamBatchesInFlight);
    expect(sent.map(({ dropped }) => dropped)).toEqual([5, ...Array(limits.streamBatchesInFlight - 1).fill(0)]);
    for (let batch = 1; queue.size > 0; batch += 1) queue.kept(batch);
    expect(sent).toHaveLength(limits.streamReports / limits.streamReportsPerBatch);
  });

  it('all go when there is no later', () => {
    const { sent, queue, push } = session();
    push(limits.streamReports - 1);
    queue.finish();
    expect(sent.flatMap(({ reports }) => reports)).toHaveLength(limits.streamReports - 1);
  });
});
