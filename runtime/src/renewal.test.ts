import { limits } from '@netport/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createLogger } from './log.js';
import { keepRenewed, renewalDue, renewalRetry, type Validity } from './renewal.js';

const issuedAt = Date.parse('2026-03-01T12:00:00Z');
/** As the authority dates it. */
const certificate = (life: number, at = issuedAt): Validity => ({
  notBefore: new Date(at - limits.clockSkew),
  notAfter: new Date(at + life),
});
const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const lives = fc.integer({ min: 10_000, max: limits.rootLifetime });

it('a certificate is renewed after two thirds of its life, spread over a tenth of it, and while a fifth is left', () => {
  expect(renewalDue(certificate(60_000), new Date(issuedAt), 0)).toEqual(new Date(issuedAt + 40_000));
  expect(renewalDue(certificate(60_000), new Date(issuedAt), 0.5)).toEqual(new Date(issuedAt + 43_000));
  fc.assert(
    fc.property(lives, randoms, (life, random) => {
      const due = renewalDue(certificate(life), new Date(issuedAt), random).getTime() - issuedAt;
      expect(due).toBeGreaterThanOrEqual(Math.floor((life * 2) / 3));
      expect(due).toBeLessThan(life * 0.8);
    }),
  );
});

it('what is overdue or failed is tried soon, never at once, and sooner the less is left', () => {
  const minute = 60_000;
  fc.assert(
    fc.property(lives, fc.integer({ min: 0, max: limits.rootLifetime }), randoms, (life, age, random) => {
      const now = new Date(issuedAt + age);
      const { notAfter } = certificate(life);
      const pause = renewalRetry(notAfter, now, random).getTime() - now.getTime();
      expect(pause).toBeGreaterThanOrEqual(Math.floor(limits.renewalRetryMin / 2));
      expect(pause).toBeLessThanOrEqual(limits.renewalRetryMax);
    }),
  );
  const overdue = new Date(issuedAt + 59 * minute);
  expect(renewalDue(certificate(60 * minute), overdue, 0)).toEqual(new Date(overdue.getTime() + 3000));
  expect(renewalDue(certificate(60 * minute), overdue, 0.999).getTime()).toBeGreaterThan(overdue.getTime() + 5900);
});

it('renews again and again, goes on with what it has where that fails, and stops when it is told to', async () => {
  // Every look at the clock finds that another day has gone by.
  let clock = issuedAt;
  const now = (): Date => {
    clock += 86_400_000;
    return new Date(clock);
  };
  const outcomes: string[] = [];
  await new Promise<void>((resolve) => {
    const renewals = keepRenewed(certificate(12 * 3_600_000), {
      renew: async () => {
        outcomes.push('tried');
        if (outcomes.length === 2) throw new Error('the control server is away');
        if (outcomes.length === 4) {
          renewals.close();
          resolve();
        }
        return certificate(12 * 3_600_000, clock);
      },
      now,
      random: () => 0,
      log: createLogger('test', 'silent'),
    });
  });
  expect(outcomes).toHaveLength(4);
});

it('comes sooner where that is wished for, and once for that', async () => {
  let clock = issuedAt;
  const times: number[] = [];
  const first = certificate(12 * 3_600_000);
  const renewals = keepRenewed(first, {
    renew: async () => {
      times.push(clock - issuedAt);
      return certificate(12 * 3_600_000, clock);
    },
    // A moment passes with every look at the clock.
    now: () => {
      clock += 1;
      return new Date(clock);
    },
    random: () => 0,
    log: createLogger('test', 'silent'),
  });
  renewals.hasten(new Date(issuedAt + 40));
  renewals.hasten(new Date(issuedAt + 20));
  await expect.poll(() => times.length).toBe(1);
  expect(times[0]).toBeLessThan(1000);
  renewals.hasten(new Date(clock));
  await expect.poll(() => times.length).toBe(2);
  renewals.close();
  renewals.hasten(new Date(clock));
  await new Promise((resolve) => setImmediate(resolve));
  expect(times).toHaveLength(2);
});
