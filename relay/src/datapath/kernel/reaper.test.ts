import { limits } from '@netport/protocol';
import { describe, expect, it } from 'vitest';
import { type FlowKey, freshLeg, type Leg } from './layout.js';
import { promotedAt, type Reaping, reap, resetsOf } from './reaper.js';

const ms = (count: number): bigint => BigInt(count) * 1_000_000n;
/** The clock of the program counts from the machine's start. */
const start = ms(1_000_000_000);

/** Circuits that look like this from the start on, at these milliseconds after it: what is said each time. */
function verdicts(a: Partial<Leg>, b: Partial<Leg>, ...times: number[]): unknown[] {
  let reaping: Reaping = promotedAt(start);
  return times.map((time) => {
    const legs = [a, b].map((leg) => ({ ...freshLeg, seen: start, marked: 1, ...leg })) as [Leg, Leg];
    const result = reap(legs, reaping, start + ms(time));
    reaping = result.reaping;
    return result.verdict;
  });
}

const keep = { do: 'keep' };
const closed = { do: 'end', code: 'circuit_closed', reset: false };
const lost = { do: 'end', code: 'tunnel_lost', reset: true };
const ended = { fin: 1, finAcked: 1 };

describe('a circuit in the kernel', () => {
  it('stays while both legs are heard', () => {
    expect(verdicts({}, {}, 0, 1000, limits.promotedIdle - 1)).toEqual([keep, keep, keep]);
  });

  it('ends when either leg was silent for too long', () => {
    const heard = { seen: start + ms(limits.promotedIdle) };
    expect(verdicts(heard, {}, limits.promotedIdle)).toEqual([lost]);
    expect(verdicts({}, heard, limits.promotedIdle)).toEqual([lost]);
    expect(verdicts(heard, heard, limits.promotedIdle, 2 * limits.promotedIdle)).toEqual([keep, lost]);
  });

  it('counts silence from when it was adopted, not from before', () => {
    expect(verdicts({ seen: 0n }, { seen: 0n }, 0, limits.promotedIdle)).toEqual([keep, lost]);
  });

  it('lingers when both ends were acknowledged, and ends in order', () => {
    const { promotedLinger } = limits;
    expect(verdicts(ended, ended, 100, 99 + promotedLinger, 100 + promotedLinger)).toEqual([keep, keep, closed]);
    expect(verdicts(ended, { fin: 1 }, 100, 100 + promotedLinger)).toEqual([keep, keep]);
    expect(verdicts(ended, {}, 100, 100 + promotedLinger)).toEqual([keep, keep]);
  });

  it('lingers after a reset, and is lost', () => {
    const { promotedLinger } = limits;
    expect(verdicts({ reset: 1 }, {}, 100, 99 + promotedLinger, 100 + promotedLinger)).toEqual([keep, keep, lost]);
    expect(verdicts({}, { reset: 1 }, 100, 100 + promotedLinger)).toEqual([keep, lost]);
  });

  it('ends in order when a reset came behind both ends', () => {
    expect(verdicts({ ...ended, reset: 1 }, ended, 100, 100 + limits.promotedLinger)).toEqual([keep, closed]);
  });
});

describe('the ready mark', () => {
  it('is sent again where it was not acknowledged, at every look but one that follows at once', () => {
    const again = { do: 'mark', legs: [1] };
    expect(verdicts({}, { marked: 0 }, 0, 20, 199, 401, 420)).toEqual([keep, keep, again, again, keep]);
    expect(verdicts({ marked: 0 }, { marked: 0 }, 200)).toEqual([{ do: 'mark', legs: [0, 1] }]);
  });

  it('is given up in the end', () => {
    expect(verdicts({ marked: 0 }, {}, limits.readyMarkTimeout - 1, limits.readyMarkTimeout)).toEqual([
      { do: 'mark', legs: [0] },
      lost,
    ]);
  });

  it('is not sent to legs that are over', () => {
    expect(verdicts({ marked: 0 }, { reset: 1 }, 1000)).toEqual([keep]);
  });
});

describe('the resets of a circuit that is ended', () => {
  const [local, remote] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
  const keys = [50000, 50001].map((remotePort) => ({ remote, remotePort, localPort: 443, protocol: 6 }));
  const resets = (a: Partial<Leg>, b: Partial<Leg>) =>
    resetsOf(
      keys as [FlowKey, FlowKey],
      [
        { local, seqAdd: 0xffff_fff0 },
        { local, seqAdd: 1000 },
      ],
      [
        { ...freshLeg, ...a },
        { ...freshLeg, ...b },
      ],
    );

  it('have the number that each portal waits for: behind what was forwarded to it', () => {
    const segment = { from: { address: local, port: 443 }, flags: 0x14, window: 0 };
    expect(resets({ nextSeq: 0x20, lastAck: 1005 }, { nextSeq: 5, lastAck: 0x10 })).toEqual([
      { ...segment, to: { address: remote, port: 50000 }, seq: 1005, ack: 0x20 },
      { ...segment, to: { address: remote, port: 50001 }, seq: 0x10, ack: 5 },
    ]);
  });

  it('have the number that a portal has acknowledged as well, where that is less', () => {
    const numbers = resets({ nextSeq: 0x20, lastAck: 900 }, { nextSeq: 5, lastAck: 0xffff_fff8 }).map(({ seq }) => seq);
    expect(numbers).toEqual([1005, 900, 0x10, 0xffff_fff8]);
  });
});
