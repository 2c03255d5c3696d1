import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** linux: include/uapi/linux/magic.h BPF_FS_MAGIC */
const bpfFilesystem = 0xcafe4a11;

/** Where maps and links stay when the process dies, so that the next one of the same data directory finds them. */
export interface Pins {
  path(name: string): string;
  has(name: string): boolean;
  names(): string[];
  remove(name: string): void;
  /** Makes the directory again after `removeAll`. */
  make(): void;
  removeAll(): void;
}

/** Nothing outlives the process. */
export interface NoPins {
  reason: string;
}

/**
 * The directory of one relay below `base`, for maps of one layout; pins of another layout are removed, which detaches
 * and frees what they held.
 */
export function openPins(base: string, data: string, layoutVersion: number): Pins | NoPins {
  const name = createHash('sha256').update(data).digest('hex').slice(0, 16);
  const directory = join(base, `${name}-v${layoutVersion}`);
  const make = () => void mkdirSync(directory, { recursive: true, mode: 0o700 });
  try {
    if (!isBpf(base)) return { reason: `${base} is on no BPF filesystem (docs/operations.md)` };
    make();
    for (const other of readdirSync(base)) {
      if (other.startsWith(`${name}-`) && join(base, other) !== directory) {
        rmSync(join(base, other), { recursive: true });
      }
    }
  } catch (error) {
    return { reason: `${base}: ${(error as Error).message}` };
  }
  const path = (file: string) => join(directory, file);
  return {
    path,
    has: (file) => existsSync(path(file)),
    names: () => readdirSync(directory),
    remove: (file) => rmSync(path(file), { force: true }),
    make,
    removeAll: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function isBpf(path: string): boolean {
  let existing = path;
  while (!existsSync(existing)) existing = dirname(existing);
  return statfsSync(existing).type === bpfFilesystem;
}
