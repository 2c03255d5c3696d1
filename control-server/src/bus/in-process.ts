import type { Change } from '../state/change.js';
import type { Bus } from './bus.js';

/** The bus of a single control server: a synchronous call. */
export function inProcessBus(): Bus {
  const handlers = new Set<(change: Change) => void>();
  return {
    publish: (change) => {
      for (const handler of handlers) handler(change);
    },
    subscribe: (handler) => {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    close: async () => handlers.clear(),
  };
}
