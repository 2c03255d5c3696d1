import { type ErrorCode, limits } from '@netport/protocol';
import { other } from './circuit-table.js';
import type { Flow, FlowKey, Leg } from './layout.js';
import { type Segment, tcpFlags } from './segment.js';

/** What is remembered of a circuit in the kernel from one look at it to the next. Nanoseconds of the clock that the program reads. */
export interface Reaping {
  /** When it was promoted, or adopted. */
  since: bigint;
  /** When the ready mark was last sent. */
  markSent: bigint;
  /** When it was first found to be over. */
  over?: bigint;
}

/** By which address of ours a leg is spoken to, and how its numbers become those of the other leg. */
export type ResetFlow = Pick<Flow, 'local' | 'seqAdd'>;

export type Verdict =
  | { do: 'keep' }
  /** Send the ready mark again, on these legs. */
  | { do: 'mark'; legs: (0 | 1)[] }
  /** Delete the entries, then reset both legs if so said. */
  | { do: 'end'; code: ErrorCode; reset: boolean };

const nanoseconds = (milliseconds: number): bigint => BigInt(milliseconds) * 1_000_000n;
const linger = nanoseconds(limits.promotedLinger);
const idle = nanoseconds(limits.promotedIdle);
/** Half of it, or a look that comes a little early would put the mark off until the next one. */
const markRest = nanoseconds(limits.readyMarkInterval) / 2n;
const markTimeout = nanoseconds(limits.readyMarkTimeout);

const keep: Verdict = { do: 'keep' };
// To both: dropping the entries alone would leave a peer hanging that has nothing to say, and whatever RST was forwarded may
// have been lost, for nobody repeats it.
const lost: Verdict = { do: 'end', code: 'tunnel_lost', reset: true };
const closed: Verdict = { do: 'end', code: 'circuit_closed', reset: false };

/** What is remembered of a circuit whose ready marks leave now. */
export const promotedAt = (now: bigint): Reaping => ({ since: now, markSent: now });

/**
 * What to do with a circuit, from what the program saw of its legs, and what to remember until the next look. To be asked
 * every `readyMarkInterval` while the mark is under way, and every `promotedLookInterval` then.
 */
export function reap(legs: readonly [Leg, Leg], reaping: Reaping, now: bigint): { verdict: Verdict; reaping: Reaping } {
  const inOrder = legs.every(({ fin, finAcked }) => fin && finAcked);
  if (inOrder || legs.some(({ reset }) => reset)) {
    const over = reaping.over ?? now;
    const end = inOrder ? closed : lost;
    return { verdict: now - over < linger ? keep : end, reaping: { ...reaping, over } };
  }
  const unmarked = ([0, 1] as const).filter((side) => !legs[side].marked);
  const silent = legs.some(({ seen }) => now - (seen > reaping.since ? seen : reaping.since) >= idle);
  if (silent || (unmarked.length > 0 && now - reaping.since >= markTimeout)) return { verdict: lost, reaping };
  if (unmarked.length > 0 && now - reaping.markSent >= markRest) {
    return { verdict: { do: 'mark', legs: unmarked }, reaping: { ...reaping, markSent: now } };
  }
  return { verdict: keep, reaping };
}

/**
 * The segments that reset both legs, from what the program saw of them until it forwarded no more. A portal takes a reset at
 * once only where its number is exactly what it expects (RFC 5961 §3.2), which is behind the last byte that was forwarded to it;
 * or what it last acknowledged, where something was lost or a forged segment has misled the program. What the portal answers to
 * another number may be stopped by a packet filter of this machine, to which it belongs to no connection.
 */
export function resetsOf(
  keys: readonly [FlowKey, FlowKey],
  flows: readonly [ResetFlow, ResetFlow],
  legs: readonly [Leg, Leg],
): Segment[] {
  return ([0, 1] as const).flatMap((side) => {
    const from = other(side);
    const forwarded = (legs[from].nextSeq + flows[from].seqAdd) >>> 0;
    return [...new Set([forwarded, legs[side].lastAck])].map((seq) => ({
      from: { address: flows[side].local, port: keys[side].localPort },
      to: { address: keys[side].remote, port: keys[side].remotePort },
      seq,
      ack: legs[side].nextSeq,
      flags: tcpFlags.rst | tcpFlags.ack,
      window: 0,
    }));
  });
}
