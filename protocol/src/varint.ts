/**
 * The variable-length integer of QUIC (RFC 9000 §16): the two highest bits of the first byte say how long it is.
 *
 *     00…  1 byte,  up to 63            10…  4 bytes, up to 2^30 − 1
 *     01…  2 bytes, up to 16,383        11…  8 bytes, up to 2^62 − 1
 */

const twoTo32 = 2 ** 32;

/** How many bytes the shortest form takes. */
export function varintBytes(value: number): 1 | 2 | 4 | 8 {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no integer from 0 to 2^53 - 1`);
  if (value < 2 ** 6) return 1;
  if (value < 2 ** 14) return 2;
  return value < 2 ** 30 ? 4 : 8;
}

/** Writes the shortest form at `at` and returns the offset behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  const length = varintBytes(value);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (length === 1) view.setUint8(at, value);
  else if (length === 2) view.setUint16(at, 0x4000 + value);
  else if (length === 4) view.setUint32(at, 0x8000_0000 + value);
  else {
    view.setUint32(at, 0xc000_0000 + Math.floor(value / twoTo32));
    view.setUint32(at + 4, value % twoTo32);
  }
  return at + length;
}

export function encodeVarint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintBytes(value));
  writeVarint(bytes, 0, value);
  return bytes;
}

/**
 * Reads one of any form, and where it ends; undefined when `bytes` stops before. From 2^53 on the value is only near:
 * as large as that is nothing that this protocol counts.
 */
export function readVarint(bytes: Uint8Array, at = 0): { value: number; next: number } | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  const next = at + (1 << (first >> 6));
  if (next > bytes.length) return undefined;
  let value = first & 0x3f;
  for (let i = at + 1; i < next; i += 1) value = value * 256 + (bytes[i] ?? 0);
  return { value, next };
}
