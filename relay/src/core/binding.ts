import { timingSafeEqual } from 'node:crypto';
import { decodePreamble, preambleBytes } from '@netport/protocol';
import type { HalfOpen } from './half-open.js';
import type { Rejection } from './rejections.js';

/** What the bytes received so far make of a connection: nothing yet, its leg, or a reason to drop it. */
export type Verdict = 'incomplete' | 'bind' | Rejection;

/** Adds bytes to the preamble, never keeping more than one, and judges it once it is whole. */
export function judge(halfOpen: HalfOpen, bytes: Uint8Array): Verdict {
  const missing = preambleBytes - halfOpen.length;
  halfOpen.preamble.set(bytes.subarray(0, missing), halfOpen.length);
  halfOpen.length += Math.min(bytes.length, missing);
  if (halfOpen.length < preambleBytes) return 'incomplete';

  const preamble = parse(halfOpen.preamble);
  if (!preamble) return 'malformed';
  if (bytes.length > missing) return 'early_data';
  if (preamble.circuitId !== halfOpen.circuit.id) return 'unknown_circuit';
  if (!timingSafeEqual(preamble.token, halfOpen.leg.token)) return 'wrong_token';
  return halfOpen.leg.bound === undefined ? 'bind' : 'already_bound';
}

function parse(bytes: Uint8Array) {
  try {
    return decodePreamble(bytes);
  } catch {
    return undefined;
  }
}
