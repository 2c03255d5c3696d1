import { NetportError } from '@netport/protocol';
import type { StateContext } from './context.js';

/** Whether the store answers. Throws `unavailable`. */
export async function checkReady({ store }: StateContext): Promise<void> {
  try {
    await store.records.current('policy');
  } catch (cause) {
    throw new NetportError('unavailable', 'the database does not answer', { cause });
  }
}
