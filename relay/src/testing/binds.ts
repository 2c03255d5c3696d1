import { createHmac } from 'node:crypto';
import { type BindBody, type CircuitId, decodeBind, encodeBindBody, withMac } from '@netport/protocol';

const hmac = (token: Uint8Array, body: Uint8Array): Buffer => createHmac('sha256', token).update(body).digest();

/** A leg bind as a portal makes it. */
export function bindOf(circuitId: CircuitId, token: Uint8Array, counter: number, kind: BindBody['kind'] = 'bind') {
  const body = encodeBindBody({ kind, circuitId, counter: BigInt(counter) });
  return withMac(body, hmac(token, body));
}

/** Kind and counter of a relay's answer. Throws when it was not made with this leg's token. */
export function readAnswer(bytes: Uint8Array, token: Uint8Array): [kind: BindBody['kind'], counter: number] {
  const { kind, counter, body, mac } = decodeBind(bytes);
  if (!hmac(token, body).equals(mac)) throw new Error('the answer was made with another token');
  return [kind, Number(counter)];
}
