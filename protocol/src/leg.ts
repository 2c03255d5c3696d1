import { fromHex, toHex } from './bytes.js';
import { NetportError } from './errors.js';
import type { CircuitId } from './names.js';

/**
 * The leg preamble: the first thing, and the only thing, that a portal says to a relay on a TCP leg. Fixed size, big endian.
 *
 *      0               4       5               8
 *     +-------+-------+-------+-------+-------+-------+-------+-------+
 *   0 | 'N'     'P'     'R'     'T'   | ver=1 |        reserved=0     |
 *     +-------+-------+-------+-------+-------+-------+-------+-------+
 *   8 |                                                               |
 *     +                    circuit id (16 bytes, UUID)                +
 *  16 |                                                               |
 *     +-------+-------+-------+-------+-------+-------+-------+-------+
 *  24 |                                                               |
 *     :                    leg token (32 bytes)                       :
 *  48 |                                                               |
 *     +-------+-------+-------+-------+-------+-------+-------+-------+
 *  56
 *
 * The answer, once BOTH legs are bound, is the ready mark. Nothing else is ever answered: a wrong preamble closes the connection.
 *
 *     +-------+-------+-------+-------+-------+-------+-------+-------+
 *   0 | 'N'     'P'     'O'     'K'   | ver=1 |        reserved=0     |
 *     +-------+-------+-------+-------+-------+-------+-------+-------+
 *   8
 *
 * A portal sends nothing after its preamble until it has read the ready mark. From there the bytes belong to the other portal.
 */
export const legVersion = 1;
export const legTokenBytes = 32;
export const preambleBytes = 56;
export const readyMarkBytes = 8;

const preambleMagic = [0x4e, 0x50, 0x52, 0x54, legVersion, 0, 0, 0] as const;
const readyMagic = [0x4e, 0x50, 0x4f, 0x4b, legVersion, 0, 0, 0] as const;
const circuitOffset = 8;
const tokenOffset = 24;

export interface Preamble {
  circuitId: CircuitId;
  /** 32 bytes, known to the relay and to one portal, valid for one bind. */
  token: Uint8Array;
}

/** Throws `invalid_request` when the token is not 32 bytes long. */
export function encodePreamble({ circuitId, token }: Preamble): Uint8Array {
  if (token.length !== legTokenBytes)
    throw new NetportError('invalid_request', `a leg token has ${legTokenBytes} bytes`);
  const bytes = new Uint8Array(preambleBytes);
  bytes.set(preambleMagic, 0);
  bytes.set(circuitIdBytes(circuitId), circuitOffset);
  bytes.set(token, tokenOffset);
  return bytes;
}

/** Exactly one preamble, no byte more. Throws `protocol_error`. */
export function decodePreamble(bytes: Uint8Array): Preamble {
  if (bytes.length !== preambleBytes) {
    throw new NetportError('protocol_error', `a preamble has ${preambleBytes} bytes, not ${bytes.length}`);
  }
  expectMagic(bytes, preambleMagic, 'preamble');
  return {
    circuitId: formatCircuitId(bytes.subarray(circuitOffset, tokenOffset)),
    // A copy, also of a Buffer, whose slice() would go on sharing the socket's memory.
    token: Uint8Array.from(bytes.subarray(tokenOffset, preambleBytes)),
  };
}

export const encodeReadyMark = (): Uint8Array => Uint8Array.from(readyMagic);

/** Throws `protocol_error` unless the bytes are exactly the ready mark of this version. */
export function decodeReadyMark(bytes: Uint8Array): void {
  if (bytes.length !== readyMarkBytes) {
    throw new NetportError('protocol_error', `a ready mark has ${readyMarkBytes} bytes, not ${bytes.length}`);
  }
  expectMagic(bytes, readyMagic, 'ready mark');
}

function expectMagic(bytes: Uint8Array, magic: readonly number[], what: string): void {
  if (magic.some((byte, i) => i !== 4 && bytes[i] !== byte)) throw new NetportError('protocol_error', `not a ${what}`);
  if (bytes[4] !== legVersion) {
    throw new NetportError('protocol_error', `${what} version ${bytes[4]}, this side speaks ${legVersion}`);
  }
}

/** The 16 bytes of a circuit id, in the order of its text form (RFC 9562). */
export const circuitIdBytes = (id: CircuitId): Uint8Array => fromHex(id.replaceAll('-', ''));

/** The text form of 16 bytes. */
export const formatCircuitId = (bytes: Uint8Array): CircuitId =>
  toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') as CircuitId;
