import { timingSafeEqual } from 'node:crypto';
import { type CircuitId, decodePreamble, preambleBytes } from '@netport/protocol';
import type { Place } from './circuit.js';
import type { HalfOpen } from './half-open.js';
import type { Rejection } from './rejections.js';

/** What the bytes received so far make of a connection: nothing yet, the leg that it is, or a reason to drop it. */
export type Verdict = 'incomplete' | Place | Rejection;

/**
 * Adds bytes to the preamble, never keeping more than one, and judges it once it is whole. `placesOf` says which legs of a
 * circuit the connection's port takes.
 */
export function judge(
  halfOpen: HalfOpen,
  bytes: Uint8Array,
  placesOf: (circuitId: CircuitId) => readonly Place[],
): Verdict {
  const missing = preambleBytes - halfOpen.length;
  halfOpen.preamble.set(bytes.subarray(0, missing), halfOpen.length);
  halfOpen.length += Math.min(bytes.length, missing);
  if (halfOpen.length < preambleBytes) return 'incomplete';

  const preamble = parse(halfOpen.preamble);
  if (!preamble) return 'malformed';
  if (bytes.length > missing) return 'early_data';
  const places = placesOf(preamble.circuitId);
  if (places.length === 0) return 'unknown_circuit';
  const place = places.find(({ leg }) => timingSafeEqual(preamble.token, leg.token));
  if (!place) return 'wrong_token';
  return place.leg.bound === undefined ? place : 'already_bound';
}

function parse(bytes: Uint8Array) {
  try {
    return decodePreamble(bytes);
  } catch {
    return undefined;
  }
}
