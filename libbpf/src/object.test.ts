import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type BpfObject,
  bytes,
  decode,
  encode,
  LibbpfError,
  loadObject,
  openPinnedLink,
  openPinnedMap,
  openPinnedProgram,
  struct,
  u8,
  u16,
  u32,
  u64,
} from './index.js';
import { compile, lack, titled } from './testing/machine.js';

const flow = struct({ port: u16, packets: u64 });

function errorOf(action: () => unknown): LibbpfError {
  try {
    action();
  } catch (error) {
    if (error instanceof LibbpfError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe.skipIf(lack)(titled('a loaded object', lack), () => {
  let file: string;
  let object: BpfObject;

  beforeAll(() => {
    file = compile('sample');
    object = loadObject(file);
  });
  afterAll(() => object.close());

  it('lists programs and maps', () => {
    expect(object.programs.map(({ name, type, section }) => ({ name, type, section }))).toEqual([
      { name: 'swap', type: 'xdp', section: 'xdp' },
      { name: 'pass', type: 'xdp', section: 'xdp' },
      { name: 'report', type: 'xdp', section: 'xdp' },
      { name: 'watch', type: 'sched_cls', section: 'tc' },
    ]);
    const maps = object.maps.map(({ name, type, keySize, valueSize }) => [name, type, keySize, valueSize]);
    expect(maps).toContainEqual(['flows', 'hash', 4, 16]);
    expect(maps).toContainEqual(['totals', 'percpu_array', 4, 4]);
    expect(errorOf(() => object.map('flow')).message).toContain('flows, totals');
  });

  it('reads and writes a hash map', () => {
    const flows = object.map('flows').typed(u32, flow);
    expect(flows.get(7)).toBeUndefined();
    flows.set(7, { port: 443, packets: 2n ** 63n });
    expect(flows.get(7)).toEqual({ port: 443, packets: 2n ** 63n });
    expect(errorOf(() => flows.set(7, { port: 1, packets: 0n }, 'absent')).code).toBe('EEXIST');
    expect(errorOf(() => flows.set(8, { port: 1, packets: 0n }, 'present')).code).toBe('ENOENT');
    expect(flows.delete(7)).toBe(true);
    expect(flows.delete(7)).toBe(false);
    expect(Object.fromEntries(flows.entries())).toEqual({});
  });

  it('walks every entry once, over many batches', () => {
    const flows = object.map('flows').typed(u32, flow);
    for (let key = 0; key < 4096; key++) flows.set(key, { port: key, packets: BigInt(key) });
    expect(errorOf(() => flows.set(5000, { port: 0, packets: 0n })).code).toBe('E2BIG');
    const walked = [...flows.entries()];
    expect(walked).toHaveLength(4096);
    expect(new Set(walked.map(([key]) => key)).size).toBe(4096);
    expect(walked.every(([key, value]) => value.port === key && value.packets === BigInt(key))).toBe(true);
    for (const [key] of walked) flows.delete(key);
  });

  it('walks maps whose keys are structs', () => {
    const prefix = struct({ length: u32, address: bytes(4) });
    const prefixes = object.map('prefixes').typed(prefix, u32);
    const net = { length: 8, address: Uint8Array.of(10, 0, 0, 0) };
    prefixes.set(net, 1);
    expect([...prefixes.entries()]).toEqual([[net, 1]]);
    expect(prefixes.get({ length: 32, address: Uint8Array.of(10, 1, 2, 3) })).toBe(1);
  });

  it('has a value for each CPU in a per-CPU map', () => {
    const map = object.map('totals');
    const totals = map.perCpu(u32, u32);
    const each = Array.from({ length: map.cpus }, (_, cpu) => 100 + cpu);
    totals.set(1, each);
    expect(totals.get(1)).toEqual(each);
    expect([...totals.entries()]).toHaveLength(2);
    totals.set(1, new Array(map.cpus).fill(0));
    expect(errorOf(() => map.typed(u32, u32)).message).toContain('use perCpu()');
    expect(() => totals.set(1, [1, 2, 3, 4, 5, 6, 7, 8, 9].slice(0, map.cpus + 1))).toThrow(RangeError);
  });

  it('refuses codecs that do not fit, before the kernel is asked', () => {
    expect(errorOf(() => object.map('flows').typed(u8, flow)).code).toBe('EINVAL');
    expect(errorOf(() => object.map('flows').typed(u32, u64)).code).toBe('EINVAL');
    expect(errorOf(() => object.map('flows').perCpu(u32, flow)).message).toContain('use typed()');
  });

  it('runs a program over bytes', () => {
    const totals = object.map('totals').perCpu(u32, u32);
    const sum = () => totals.get(0)?.reduce((total, one) => total + one, 0) ?? 0;
    const before = sum();
    const frame = Uint8Array.from({ length: 64 }, (_, index) => index);
    const { verdict, output, duration } = object.program('swap').testRun(frame, { repeat: 1 });
    expect(verdict).toBe(3);
    expect([...output]).toEqual([6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, ...frame.subarray(12)]);
    expect(duration).toBeGreaterThanOrEqual(0);
    expect(sum() - before).toBe(1);
    expect(errorOf(() => object.program('swap').testRun(frame, { outputSize: 10 })).code).toBe('ENOSPC');
    expect(errorOf(() => object.program('swap').testRun(new Uint8Array(3))).code).toBe('EINVAL');
  });

  it('hands over the records of a ring buffer, more than one turn takes', async () => {
    const report = object.program('report');
    const sizes: bigint[] = [];
    const all = new Promise<void>((resolve) => {
      const reader = object.map('events').records((record) => {
        sizes.push(decode(u64, record));
        // Closed from inside: no record comes afterwards.
        if (sizes.length === 3000) {
          reader.close();
          reader.close();
          resolve();
        }
      });
    });
    report.testRun(new Uint8Array(100), { repeat: 3001 });
    await all;
    expect(sizes).toEqual(new Array(3000).fill(100n));
    expect(errorOf(() => object.map('flows').records(() => undefined)).code).toBe('EINVAL');
  });

  it('takes sizes, constants and programs to leave out', () => {
    const other = loadObject(readFileSync(file), {
      maps: { flows: { maxEntries: 2 }, '.rodata': { initial: encode(u32, 1) } },
      skip: ['watch'],
    });
    expect(other.map('flows').maxEntries).toBe(2);
    expect(other.programs.map(({ name }) => name)).toEqual(['swap', 'pass', 'report']);
    expect(other.program('swap').testRun(new Uint8Array(64)).verdict).toBe(1);
    other.close();
    expect(errorOf(() => loadObject(file, { maps: { nothing: {} } })).code).toBe('ENOENT');
    expect(errorOf(() => loadObject(file, { maps: { '.rodata': { initial: encode(u8, 1) } } })).code).toBe('EINVAL');
  });

  it('says why a file or a program is refused', () => {
    const refused = errorOf(() => loadObject(compile('rejected')));
    expect(refused.code).toBe('EACCES');
    expect(refused.verifierLog).toContain('invalid access to packet');
    const garbage = errorOf(() => loadObject(new Uint8Array(100)));
    expect(garbage.code).toMatch(/^LIBBPF_/);
    expect(garbage.verifierLog).toBeUndefined();
    expect(() => loadObject('/nowhere.o')).toThrow(/ENOENT/);
  });

  it('refuses what is closed, and closing twice is nothing', () => {
    const other = loadObject(file);
    const flows = other.map('flows').typed(u32, flow);
    other.close();
    other.close();
    expect(errorOf(() => flows.get(1)).code).toBe('EBADF');
    expect(errorOf(() => other.program('swap').testRun(new Uint8Array(64))).code).toBe('EBADF');
    expect(errorOf(() => other.program('swap').attachXdp('lo')).code).toBe('EBADF');
  });

  describe('in a bpffs', () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'bpffs-'));
      execFileSync('mount', ['-t', 'bpf', 'bpf', folder]);
    });
    afterAll(() => {
      execFileSync('umount', [folder]);
      rmSync(folder, { recursive: true });
    });

    it('keeps maps and programs beyond their object', () => {
      const first = loadObject(file);
      first.map('flows').typed(u32, flow).set(1, { port: 5, packets: 6n });
      first.map('flows').pin(join(folder, 'flows'));
      first.program('swap').pin(join(folder, 'swap'));
      expect(errorOf(() => first.program('swap').pin(join(folder, 'swap'))).code).toBe('EEXIST');
      first.close();

      const map = openPinnedMap(join(folder, 'flows'));
      expect(map.typed(u32, flow).get(1)).toEqual({ port: 5, packets: 6n });
      const second = loadObject(file, { maps: { flows: { pinned: join(folder, 'flows') } } });
      expect(second.map('flows').id).toBe(map.id);
      expect(openPinnedProgram(join(folder, 'swap')).testRun(new Uint8Array(64)).verdict).toBe(3);
      second.close();
      map.close();
      unlinkSync(join(folder, 'flows'));
      expect(errorOf(() => openPinnedMap(join(folder, 'flows'))).code).toBe('ENOENT');
    });

    it('opens only what was asked for', () => {
      object.map('totals').pin(join(folder, 'totals'));
      expect(errorOf(() => openPinnedProgram(join(folder, 'totals'))).message).toContain('is no prog');
      expect(errorOf(() => openPinnedLink(join(folder, 'totals'))).code).toBe('EINVAL');
    });
  });
});
