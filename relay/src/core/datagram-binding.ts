import { createHmac, timingSafeEqual } from 'node:crypto';
import { type BindBody, type CircuitId, decodeBind, encodeBindBody, withMac } from '@netport/protocol';
import type { Leg, Place } from './circuit.js';
import type { Rejection } from './rejections.js';

/** What a bind-shaped datagram to the port of a leg is: its counter, or a reason to drop it. */
export function judgeDatagram({ circuit, leg }: Place, bytes: Uint8Array): bigint | Rejection {
  const bind = parse(bytes);
  if (bind?.kind !== 'bind') return 'malformed';
  // The HMAC costs most, so it comes after what tells strangers apart; the circuit id is no secret.
  if (bind.circuitId !== circuit.id) return 'unknown_circuit';
  if (!timingSafeEqual(bind.mac, hmac(leg.token, bind.body))) return 'wrong_mac';
  return bind.counter > leg.counter ? bind.counter : 'replayed';
}

/** The answer to the last bind of a leg: as long as the bind, and nobody without the leg token can make it. */
export function answerTo(
  circuitId: CircuitId,
  { counter, token }: Leg,
  kind: Exclude<BindBody['kind'], 'bind'>,
): Uint8Array {
  const body = encodeBindBody({ kind, circuitId, counter });
  return withMac(body, hmac(token, body));
}

const hmac = (token: Uint8Array, body: Uint8Array): Buffer => createHmac('sha256', token).update(body).digest();

function parse(bytes: Uint8Array) {
  try {
    return decodeBind(bytes);
  } catch {
    return undefined;
  }
}
