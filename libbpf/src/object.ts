import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { LibbpfError } from './errors.js';
import { BpfMap } from './map.js';
import { type MapOptions, native } from './native.js';
import { Program } from './program.js';

export interface LoadOptions {
  /** By name, what differs from the object file. */
  maps?: Record<string, MapOptions>;
  /** Names of programs that are left out. */
  skip?: string[];
}

/** The programs and maps of one loaded object file. Each stands on its own: closing one leaves the others. */
export class BpfObject {
  readonly programs: readonly Program[];
  readonly maps: readonly BpfMap[];

  constructor(programs: readonly Program[], maps: readonly BpfMap[]) {
    this.programs = programs;
    this.maps = maps;
  }

  /** By the name of its C function. Throws ENOENT. */
  program(name: string): Program {
    return find('program', this.programs, name);
  }

  /** By its name in the C source. Throws ENOENT. */
  map(name: string): BpfMap {
    return find('map', this.maps, name);
  }

  /** Closes every program and map. Links stay: they hold their program themselves. */
  close(): void {
    for (const part of [...this.programs, ...this.maps]) part.close();
  }
}

function find<T extends { name: string }>(what: string, all: readonly T[], name: string): T {
  const found = all.find((one) => one.name === name);
  if (found) return found;
  const names = all.map((one) => one.name).join(', ') || 'none';
  throw new LibbpfError(`no ${what} ${name} in the object; there is: ${names}`, constants.errno.ENOENT);
}

/**
 * Loads an object file (its path or bytes) into the kernel: makes its maps and has its programs verified. Throws a
 * LibbpfError, with `verifierLog` when a program was refused; EPERM without CAP_BPF.
 */
export function loadObject(source: string | Uint8Array, options: LoadOptions = {}): BpfObject {
  const [file, name] = typeof source === 'string' ? [readFileSync(source), basename(source, '.o')] : [source, 'object'];
  const skipped: Record<string, true> = Object.assign(
    Object.create(null),
    Object.fromEntries((options.skip ?? []).map((program) => [program, true])),
  );
  const loaded = native().loadObject(file, name, options.maps, skipped);
  return new BpfObject(
    loaded.programs.map((description) => new Program(description)),
    loaded.maps.map((description) => new BpfMap(description)),
  );
}
