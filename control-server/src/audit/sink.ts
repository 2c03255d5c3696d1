import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '@netport/protocol';
import { backoff, type Logger } from '@netport/runtime';
import type { StateContext } from '../state/context.js';
import type { ChainedEvent, SinkName } from '../store/store.js';

/** Hands events to a receiver. Rejects unless it has all of them, as far as can be known, and when `signal` says so. */
export type Deliver = (events: readonly ChainedEvent[], signal: AbortSignal) => Promise<void>;

export interface SinkOptions {
  context: StateContext;
  name: SinkName;
  deliver: Deliver;
  onFailure: () => void;
  random: () => number;
  log: Logger;
}

export interface Sink {
  /** How many events it is behind. */
  backlog(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Delivers the trail in order, from where it was left off. The database is the queue and has the position, which moves on after
 * a batch was taken: nothing is lost, and after a failure or a restart some of it may come twice.
 */
export function startSink({ context, name, deliver, onFailure, random, log }: SinkOptions): Sink {
  const { store } = context;
  const sequence = `audit_${name}` as const;
  const stopping = new AbortController();

  const deliverNext = async (): Promise<number> => {
    const after = await store.records.current(sequence);
    const events = await store.records.audit.listAfter({}, { after, limit: limits.auditSinkBatch });
    const [first, last] = [events.at(0), events.at(-1)];
    if (!first || !last) return 0;
    if (after > 0 && first.id > after + 1) {
      log.error({ sink: name, after, before: first.id }, 'retention removed audit events that this sink had not taken');
    }
    await deliver(events, AbortSignal.any([stopping.signal, AbortSignal.timeout(limits.auditSinkTimeout)]));
    await store.transaction((records) => records.advance(sequence, last.id));
    return events.length;
  };

  const work = async (): Promise<void> => {
    let failures = 0;
    while (!stopping.signal.aborted) {
      let pause: number = limits.auditSinkInterval;
      try {
        const delivered = await deliverNext();
        if (failures > 0) log.info({ sink: name }, 'the audit sink takes events again');
        failures = 0;
        if (delivered === limits.auditSinkBatch) continue;
      } catch (error) {
        if (stopping.signal.aborted) return;
        onFailure();
        pause = backoff(failures, random);
        failures += 1;
        const { message } = error as Error;
        log.warn({ sink: name, retryMs: Math.round(pause) }, `audit events not delivered: ${message}`);
      }
      await sleep(pause, undefined, { signal: stopping.signal, ref: false }).catch(() => {});
    }
  };

  const working = work();
  return {
    backlog: async () => {
      const [written, pruned, taken] = await Promise.all(
        (['audit', 'audit_pruned', sequence] as const).map((one) => store.records.current(one)),
      );
      return (written ?? 0) - Math.max(pruned ?? 0, taken ?? 0);
    },
    stop: () => {
      stopping.abort();
      return working;
    },
  };
}
