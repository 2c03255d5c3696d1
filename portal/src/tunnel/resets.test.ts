import { EventEmitter } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ResetBudget, readResetList } from './resets.js';

const spend = (budget: ResetBudget, now: number): number => {
  let count = 0;
  while (budget.take(now)) count += 1;
  return count;
};

describe('the budget of resets', () => {
  it('is 900 at once, refilled at 30 a second, and never more than 900', () => {
    const budget = new ResetBudget(0);
    expect(spend(budget, 0)).toBe(900);
    expect(spend(budget, 1000)).toBe(30);
    expect(spend(budget, 3_600_000)).toBe(900);
  });
});

describe('a list of resets', () => {
  /** What a server would reset, from a body that arrives in these pieces. */
  function read(pieces: Uint8Array[]): number[] {
    const request = Object.assign(new EventEmitter(), { respond: () => {}, end: () => {} });
    const ids: number[] = [];
    readResetList(request as unknown as ServerHttp2Stream, (id) => ids.push(id));
    for (const piece of pieces) request.emit('data', Buffer.from(piece));
    request.emit('end');
    return ids;
  }

  it('is read the same however its body is cut into pieces, and a last id that is not whole is left out', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 12 });
    fc.assert(
      fc.property(pieces, (parts) => {
        const whole = Buffer.concat(parts);
        const expected = Array.from({ length: whole.length >> 2 }, (_, i) => whole.readUInt32BE(i * 4));
        expect(read(parts)).toEqual(expected);
      }),
    );
  });
});
