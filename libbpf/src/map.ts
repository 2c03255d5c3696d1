import { constants } from 'node:os';
import { type Codec, decode, encode, perCpu } from './codec.js';
import { LibbpfError } from './errors.js';
import { type Batch, type Handle, type MapDescription, native } from './native.js';

/** A map of the kernel: what it is, and typed access to it. Sizes are bytes. */
export class BpfMap {
  readonly #handle: Handle<'map'>;
  readonly id: number;
  readonly name: string;
  /** As bpftool calls it: `hash`, `percpu_array`, … */
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** How many values each key has in a per-CPU map, which is the number of possible CPUs; 0 in any other map. */
  readonly cpus: number;

  constructor(description: MapDescription) {
    this.#handle = description.handle;
    this.id = description.id;
    this.name = description.name;
    this.type = description.type;
    this.keySize = description.keySize;
    this.valueSize = description.valueSize;
    this.maxEntries = description.maxEntries;
    this.cpus = description.cpus;
  }

  /** Access with one value for each key. Throws EINVAL when the codecs do not fit the map. */
  typed<K, V>(key: Codec<K>, value: Codec<V>): TypedMap<K, V> {
    this.#check(key, value, this.cpus === 0);
    return new TypedMap(this.#handle, key, value);
  }

  /** Access to a per-CPU map: an array with one value for each possible CPU. */
  perCpu<K, V>(key: Codec<K>, value: Codec<V>): TypedMap<K, V[]> {
    this.#check(key, value, this.cpus > 0);
    return new TypedMap(this.#handle, key, perCpu(value, this.cpus));
  }

  #check(key: Codec<unknown>, value: Codec<unknown>, kindFits: boolean): void {
    if (kindFits && key.size === this.keySize && value.size === this.valueSize) return;
    const is = `${this.type} with keys of ${this.keySize} and values of ${this.valueSize} bytes`;
    const why = kindFits ? `not ${key.size} and ${value.size}` : `use ${this.cpus > 0 ? 'perCpu' : 'typed'}()`;
    throw new LibbpfError(`map ${this.name}: it is a ${is}, ${why}`, constants.errno.EINVAL);
  }

  /**
   * Hands every record of a ring buffer to the listener, which may throw as an event listener may. Keeps the event loop
   * alive, as an open socket does, until it is closed. EINVAL for any other type of map.
   */
  records(listener: (record: Uint8Array) => void): { close(): void } {
    const ring = native().ringOpen(this.#handle, listener);
    return { close: () => native().ringClose(ring) };
  }

  /** Keeps the map alive at this path in a bpffs, until the file there is removed. */
  pin(path: string): void {
    native().pin(this.#handle, path);
  }

  close(): void {
    native().close(this.#handle);
  }
}

/** Whether `set` may make or must find the entry. */
export type Existing = 'any' | 'absent' | 'present';
const existing = { any: 0, absent: 1, present: 2 } as const;

/** Not in every kernel or for every type of map: errors after which entries are read one by one. */
const noBatch = ['ENOTSUPP', 'EINVAL', 'ENOTSUP'];
/** Entries read by one system call: few enough to be small, many enough to be cheap. */
const batchSize = 256;

/** Entries of a map as values of TypeScript. */
export class TypedMap<K, V> {
  readonly #handle: Handle<'map'>;
  readonly #key: Codec<K>;
  readonly #value: Codec<V>;

  constructor(handle: Handle<'map'>, key: Codec<K>, value: Codec<V>) {
    this.#handle = handle;
    this.#key = key;
    this.#value = value;
  }

  get(key: K): V | undefined {
    const found = native().mapGet(this.#handle, encode(this.#key, key));
    return found && decode(this.#value, found);
  }

  /** Throws EEXIST or ENOENT where `when` is not so, E2BIG when the map is full. */
  set(key: K, value: V, when: Existing = 'any'): void {
    native().mapSet(this.#handle, encode(this.#key, key), encode(this.#value, value), existing[when]);
  }

  /** Returns whether it was there. Entries of an array cannot be deleted: EINVAL. */
  delete(key: K): boolean {
    return native().mapDelete(this.#handle, encode(this.#key, key));
  }

  /**
   * Every entry that stays throughout, once; one that comes or goes meanwhile may be seen or not. Where the kernel
   * reads this type of map only one by one, deleting while walking can start the walk again: collect keys first.
   */
  *entries(): Generator<[K, V]> {
    let token: Uint8Array | undefined;
    let count = batchSize;
    let more = true;
    while (more) {
      const batch = this.#readBatch(token, count);
      if (batch === 'unsupported') return yield* this.#oneByOne();
      if (batch === 'too small') {
        count *= 2;
        continue;
      }
      for (let i = 0; i < batch.count; i++) yield this.#entry(batch, i);
      token = batch.token;
      more = token !== undefined;
    }
  }

  #readBatch(token: Uint8Array | undefined, count: number): Batch | 'too small' | 'unsupported' {
    try {
      return native().mapReadBatch(this.#handle, token, count);
    } catch (error) {
      if (!(error instanceof LibbpfError)) throw error;
      // A hash map is read in whole buckets.
      if (error.code === 'ENOSPC') return 'too small';
      if (token === undefined && noBatch.includes(error.code)) return 'unsupported';
      throw error;
    }
  }

  #entry({ keys, values }: Batch, index: number): [K, V] {
    const { size: keySize } = this.#key;
    const { size: valueSize } = this.#value;
    return [
      decode(this.#key, keys.subarray(index * keySize, (index + 1) * keySize)),
      decode(this.#value, values.subarray(index * valueSize, (index + 1) * valueSize)),
    ];
  }

  *#oneByOne(): Generator<[K, V]> {
    let key = native().mapNextKey(this.#handle, undefined);
    while (key) {
      const value = native().mapGet(this.#handle, key);
      if (value) yield [decode(this.#key, key), decode(this.#value, value)];
      key = native().mapNextKey(this.#handle, key);
    }
  }
}

/** A map that a process pinned in a bpffs. */
export function openPinnedMap(path: string): BpfMap {
  return new BpfMap(native().openPinned('map', path));
}
