import { setTimeout as delay } from 'node:timers/promises';
import { queryStatus, requestDrain } from '@netport/runtime';

const pollInterval = 250;

/** Has the relay that runs on a data directory drain; resolves with how many circuits are left, none or after `waitMs`. */
export async function drainRelay(directory: string, waitMs: number): Promise<number> {
  const deadline = performance.now() + waitMs;
  let status = await requestDrain(directory);
  while (circuitsOf(status) > 0 && performance.now() < deadline) {
    await delay(pollInterval);
    status = await queryStatus(directory);
  }
  return circuitsOf(status);
}

const circuitsOf = (status: unknown): number => (status as { circuits: number }).circuits;
