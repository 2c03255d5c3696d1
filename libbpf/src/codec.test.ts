import { describe, expect, it } from 'vitest';
import { be16, bytes, decode, encode, perCpu, struct, u8, u16, u32, u64 } from './codec.js';
import { LibbpfError } from './errors.js';

describe('codecs', () => {
  it('lay structs out as a C compiler does', () => {
    const inner = struct({ a: u8, b: u16 });
    const outer = struct({ flag: u8, count: u64, inner, tail: u8 });
    expect([inner.size, inner.align, outer.size, outer.align]).toEqual([4, 2, 24, 8]);
    const value = { flag: 1, count: 2n, inner: { a: 3, b: 4 }, tail: 5 };
    expect(decode(outer, encode(outer, value))).toEqual(value);
  });

  it('write network byte order when asked', () => {
    expect([...encode(be16, 443)]).toEqual([1, 187]);
    expect(decode(be16, Uint8Array.of(1, 187))).toBe(443);
  });

  it('keep each CPU at a multiple of eight bytes', () => {
    const codec = perCpu(u32, 2);
    expect(codec.size).toBe(16);
    expect(decode(codec, encode(codec, [7, 8]))).toEqual([7, 8]);
    expect(() => encode(codec, [7])).toThrow('1 values for 2 CPUs');
  });

  it('copy bytes, and take exactly as many as stated', () => {
    const source = Uint8Array.of(1, 2, 3);
    const read = decode(bytes(2), source.subarray(1));
    source.fill(0);
    expect([...read]).toEqual([2, 3]);
    expect(() => encode(bytes(2), source)).toThrow(RangeError);
  });
});

it('errors carry names, also for numbers that only the kernel or libbpf uses', () => {
  expect(new LibbpfError('x', 1).code).toBe('EPERM');
  expect(new LibbpfError('x', 524).code).toBe('ENOTSUPP');
  expect(new LibbpfError('x', 4001).code).toBe('LIBBPF_FORMAT');
});
