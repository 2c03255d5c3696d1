import { NetportError } from './errors.js';
import { circuitIdBytes, formatCircuitId } from './leg.js';
import type { CircuitId } from './names.js';

/**
 * The leg bind: what portal and relay say to each other on a UDP leg. Fixed size, big endian.
 *
 *      0               4       5       6       8
 *     +-------+-------+-------+-------+-------+-------+-------+-------+
 *   0 | 0x0b    'N'     'P'     'B'   | ver=1 | kind  |  reserved=0   |
 *     +-------+-------+-------+-------+-------+-------+-------+-------+
 *   8 |                                                               |
 *     +                    circuit id (16 bytes, UUID)                +
 *  16 |                                                               |
 *     +-------+-------+-------+-------+-------+-------+-------+-------+
 *  24 |                       counter (8 bytes)                       |
 *     +-------+-------+-------+-------+-------+-------+-------+-------+
 *  32 |                                                               |
 *     :      HMAC-SHA-256 of bytes 0 to 31, keyed by the leg token    :
 *  56 |                                                               |
 *     +-------+-------+-------+-------+-------+-------+-------+-------+
 *  64
 *
 * Kind 0 is the bind, 1 the answer "waiting for the other leg", 2 the answer "joined"; an answer repeats the counter of
 * the bind. A datagram of exactly this size, magic and version is never forwarded, whatever else is in it.
 */
export const bindBytes = 64;
export const bindBodyBytes = 32;
export const bindMacBytes = bindBytes - bindBodyBytes;
export const bindVersion = 1;

/** The first byte has QUIC's fixed bit clear and is none of STUN, DTLS or TURN (RFC 9443): nothing that a leg carries looks like it. */
export const bindMagic = 0x0b4e5042;
const kinds = ['bind', 'waiting', 'joined'] as const;
const circuitOffset = 8;
const counterOffset = 24;

export interface BindBody {
  kind: (typeof kinds)[number];
  circuitId: CircuitId;
  /** Higher with each bind of a leg; an unsigned 64-bit number. */
  counter: bigint;
}

export interface Bind extends BindBody {
  /** What the HMAC is over; a view of the bytes that were decoded, as is `mac`. */
  body: Uint8Array;
  mac: Uint8Array;
}

/** Bytes 0 to 31. The caller computes their HMAC, and `withMac` puts the two together. */
export function encodeBindBody({ kind, circuitId, counter }: BindBody): Uint8Array {
  const body = new Uint8Array(bindBodyBytes);
  const view = new DataView(body.buffer);
  view.setUint32(0, bindMagic);
  view.setUint8(4, bindVersion);
  view.setUint8(5, kinds.indexOf(kind));
  body.set(circuitIdBytes(circuitId), circuitOffset);
  view.setBigUint64(counterOffset, counter);
  return body;
}

/** The whole datagram. Throws `invalid_request` when a part has the wrong size. */
export function withMac(body: Uint8Array, mac: Uint8Array): Uint8Array {
  if (body.length !== bindBodyBytes || mac.length !== bindMacBytes) {
    throw new NetportError('invalid_request', `a bind has ${bindBodyBytes} bytes and an HMAC of ${bindMacBytes}`);
  }
  const bytes = new Uint8Array(bindBytes);
  bytes.set(body);
  bytes.set(mac, bindBodyBytes);
  return bytes;
}

/** Whether a datagram is between portal and relay, right or wrong, and not the other portal's. */
export const isBind = (bytes: Uint8Array): boolean =>
  bytes.length === bindBytes &&
  bytes[0] === bindMagic >>> 24 &&
  bytes[1] === ((bindMagic >>> 16) & 0xff) &&
  bytes[2] === ((bindMagic >>> 8) & 0xff) &&
  bytes[3] === (bindMagic & 0xff) &&
  bytes[4] === bindVersion;

/** Takes a bind or an answer apart without checking its HMAC. Throws `protocol_error`. */
export function decodeBind(bytes: Uint8Array): Bind {
  const kind = kinds[bytes[5] ?? kinds.length];
  if (!isBind(bytes) || kind === undefined || bytes[6] !== 0 || bytes[7] !== 0) {
    throw new NetportError('protocol_error', `not a bind of version ${bindVersion}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    kind,
    circuitId: formatCircuitId(bytes.subarray(circuitOffset, counterOffset)),
    counter: view.getBigUint64(counterOffset),
    body: bytes.subarray(0, bindBodyBytes),
    mac: bytes.subarray(bindBodyBytes),
  };
}
