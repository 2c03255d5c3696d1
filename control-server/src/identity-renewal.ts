import type { Logger } from '@netport/runtime';
import type { ServerIdentity } from './state/certificates.js';
import { scheduleAt } from './timer.js';

const retryDelay = 60_000;

/** Issues a new identity when two thirds of the current one's life are over, again and again. Answers the function that stops it. */
export function renewServerIdentity(
  current: ServerIdentity,
  options: {
    issue: () => Promise<ServerIdentity>;
    onIssued: (identity: ServerIdentity) => void;
    now: () => Date;
    log: Logger;
  },
): () => void {
  let cancel = (): void => {};
  const renew = async (): Promise<void> => {
    try {
      const identity = await options.issue();
      options.onIssued(identity);
      wait(dueAt(identity));
    } catch (error) {
      options.log.error({ err: error }, 'the server certificate could not be renewed yet');
      wait(new Date(options.now().getTime() + retryDelay));
    }
  };
  const wait = (at: Date): void => {
    cancel = scheduleAt(at, options.now, () => void renew());
  };
  wait(dueAt(current));
  return () => cancel();
}

const dueAt = ({ notBefore, notAfter }: ServerIdentity): Date =>
  new Date(notBefore.getTime() + ((notAfter.getTime() - notBefore.getTime()) * 2) / 3);
