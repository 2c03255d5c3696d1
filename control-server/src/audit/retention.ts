import { limits } from '@netport/protocol';
import type { Logger } from '@netport/runtime';
import { pruneAudit } from '../state/audit.js';
import type { StateContext } from '../state/context.js';

export interface RetentionOptions {
  context: StateContext;
  /** Milliseconds. */
  retention: number;
  log: Logger;
}

/** Removes audit events that are too old, now and from time to time. Answers what stops it. */
export function keepRetention({ context, retention, log }: RetentionOptions): () => Promise<void> {
  let stopped = false;
  const prune = async (): Promise<void> => {
    try {
      const before = new Date(context.now().getTime() - retention);
      let removed = 0;
      for (let count = 1; count > 0 && !stopped; removed += count) count = await pruneAudit(context, before);
      if (removed > 0) log.info({ removed, before }, 'old audit events removed');
    } catch (error) {
      log.error({ err: error }, 'old audit events not removed: tried again later');
    }
  };
  let working = prune();
  const timer = setInterval(() => {
    working = working.then(prune);
  }, limits.auditPruneInterval);
  timer.unref();
  return () => {
    stopped = true;
    clearInterval(timer);
    return working;
  };
}
