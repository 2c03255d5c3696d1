import { endianness } from 'node:os';

/** How a value lies in a map, in the byte order of this machine. */
export interface Codec<T> {
  /** Bytes. */
  readonly size: number;
  /** What its offset in a struct is a multiple of, as in C. */
  readonly align: number;
  read(view: DataView, at: number): T;
  write(view: DataView, at: number, value: T): void;
}

const little = endianness() === 'LE';

export const u8: Codec<number> = {
  size: 1,
  align: 1,
  read: (view, at) => view.getUint8(at),
  write: (view, at, value) => view.setUint8(at, value),
};

export const u16: Codec<number> = {
  size: 2,
  align: 2,
  read: (view, at) => view.getUint16(at, little),
  write: (view, at, value) => view.setUint16(at, value, little),
};

/** A 16-bit number in network byte order (`__be16`), such as a port in a packet. */
export const be16: Codec<number> = {
  size: 2,
  align: 2,
  read: (view, at) => view.getUint16(at),
  write: (view, at, value) => view.setUint16(at, value),
};

export const u32: Codec<number> = {
  size: 4,
  align: 4,
  read: (view, at) => view.getUint32(at, little),
  write: (view, at, value) => view.setUint32(at, value, little),
};

export const u64: Codec<bigint> = {
  size: 8,
  align: 8,
  read: (view, at) => view.getBigUint64(at, little),
  write: (view, at, value) => view.setBigUint64(at, value, little),
};

/** Exactly `size` bytes; throws RangeError on any other number. What is read is a copy. */
export function bytes(size: number): Codec<Uint8Array> {
  return {
    size,
    align: 1,
    read: (view, at) => new Uint8Array(view.buffer, view.byteOffset + at, size).slice(),
    write(view, at, value) {
      if (value.byteLength !== size) throw new RangeError(`${value.byteLength} bytes where ${size} are expected`);
      new Uint8Array(view.buffer, view.byteOffset + at, size).set(value);
    },
  };
}

/** The struct that a C compiler makes of these fields in this order, padding included (written as zeros). */
export function struct<T extends object>(fields: { [Name in keyof T]: Codec<T[Name]> }): Codec<T> {
  const names = Object.keys(fields) as (keyof T)[];
  const offsets = new Map<keyof T, number>();
  let end = 0;
  let align = 1;
  for (const name of names) {
    const field = fields[name];
    const offset = roundUp(end, field.align);
    offsets.set(name, offset);
    end = offset + field.size;
    align = Math.max(align, field.align);
  }
  return {
    size: roundUp(end, align),
    align,
    read(view, at) {
      const value = {} as T;
      for (const [name, offset] of offsets) value[name] = fields[name].read(view, at + offset);
      return value;
    },
    write(view, at, value) {
      for (const [name, offset] of offsets) fields[name].write(view, at + offset, value[name]);
    },
  };
}

/** One value for each CPU, at the multiples of eight bytes at which the kernel keeps them. */
export function perCpu<T>(codec: Codec<T>, cpus: number): Codec<T[]> {
  const stride = roundUp(codec.size, 8);
  return {
    size: stride * cpus,
    align: 8,
    read: (view, at) => Array.from({ length: cpus }, (_, cpu) => codec.read(view, at + cpu * stride)),
    write(view, at, values) {
      if (values.length !== cpus) throw new RangeError(`${values.length} values for ${cpus} CPUs`);
      for (const [cpu, value] of values.entries()) codec.write(view, at + cpu * stride, value);
    },
  };
}

export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const encoded = new Uint8Array(codec.size);
  codec.write(new DataView(encoded.buffer), 0, value);
  return encoded;
}

export function decode<T>(codec: Codec<T>, encoded: Uint8Array): T {
  return codec.read(new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength), 0);
}

function roundUp(size: number, multiple: number): number {
  return Math.ceil(size / multiple) * multiple;
}
