import { asNetportError, limits } from '@netport/protocol';
import type { Logger } from './log.js';
import { scheduleAt } from './timer.js';

/** How long a certificate is good for. */
export interface Validity {
  notBefore: Date;
  notAfter: Date;
}

/**
 * When a certificate is to be renewed: after two thirds of its life, and up to a tenth of it later, so that those that were
 * issued together are not renewed together. One that is overdue is renewed soon, for the same reason not at once.
 * `random` is 0 ≤ x < 1.
 */
export function renewalDue({ notBefore, notAfter }: Validity, now: Date, random: number): Date {
  // It is dated back by that much: its life began when it was issued.
  const issuedAt = notBefore.getTime() + limits.clockSkew;
  const life = notAfter.getTime() - issuedAt;
  const due = issuedAt + (life * 2) / 3 + (random * life) / 10;
  return due > now.getTime() ? new Date(due) : renewalRetry(notAfter, now, random);
}

/** When to try again what failed: the less is left of the certificate, the sooner. */
export function renewalRetry(notAfter: Date, now: Date, random: number): Date {
  const left = notAfter.getTime() - now.getTime();
  const { renewalRetryMin, renewalRetryMax } = limits;
  const pause = left > 0 ? Math.min(Math.max(left / 10, renewalRetryMin), renewalRetryMax) : renewalRetryMax;
  return new Date(now.getTime() + pause * (0.5 + random / 2));
}

/** The renewals of one certificate. */
export interface Renewals {
  /** The next one is due by then, where it would come later. */
  hasten(at: Date): void;
  close(): void;
}

/** Renews a certificate whenever it is due, until it is told to stop. */
export function keepRenewed<Renewable extends Validity>(
  first: Renewable,
  options: {
    /** Resolves with the next one, which is in use from then on. */
    renew: () => Promise<Renewable>;
    now: () => Date;
    /** 0 ≤ x < 1. */
    random: () => number;
    log: Logger;
  },
): Renewals {
  const { renew, now, random, log } = options;
  let current = first;
  let stopped = false;
  let underWay = false;
  let hastened: Date | undefined;
  let due = renewalDue(first, now(), random());
  let cancel = (): void => {};
  const wait = (): void => {
    cancel();
    if (stopped || underWay) return;
    const at = hastened && hastened < due ? hastened : due;
    cancel = scheduleAt(at, now, () => void attempt());
  };
  const attempt = async (): Promise<void> => {
    underWay = true;
    // One that is wished for from here on is another one.
    hastened = undefined;
    try {
      current = await renew();
      log.info({ notAfter: current.notAfter }, 'certificate renewed');
      due = renewalDue(current, now(), random());
    } catch (thrown) {
      const { code, message, help } = asNetportError(thrown);
      const { notAfter } = current;
      log.error({ code, notAfter }, `the certificate could not be renewed yet: ${message}. ${help}`);
      due = renewalRetry(notAfter, now(), random());
    }
    underWay = false;
    wait();
  };
  wait();
  return {
    hasten: (at) => {
      if (!hastened || at < hastened) hastened = at;
      wait();
    },
    close: () => {
      stopped = true;
      cancel();
    },
  };
}
