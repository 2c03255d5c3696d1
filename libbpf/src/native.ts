import { constants } from 'node:os';
import { loadAddon } from '@netport/addon';
import { LibbpfError } from './errors.js';

declare const kind: unique symbol;
/** Something of the kernel that this process holds, closed at the latest when it is garbage collected. */
export interface Handle<Kind extends 'program' | 'map' | 'link' | 'ring'> {
  readonly [kind]: Kind;
}

export interface ProgramDescription {
  handle: Handle<'program'>;
  id: number;
  name: string;
  type: string;
  section: string | undefined;
}

export interface MapDescription {
  handle: Handle<'map'>;
  id: number;
  name: string;
  type: string;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  cpus: number;
}

export interface MapOptions {
  maxEntries?: number;
  /** A path in a bpffs: the map pinned there is used, or a new one is pinned. */
  pinned?: string;
  /** The content of a global data section, such as `.rodata`. */
  initial?: Uint8Array;
}

/** What the addon does: everything is synchronous, sizes are checked there, errors are LibbpfErrors. */
interface Native {
  useErrorClass(errorClass: typeof LibbpfError): void;
  loadObject(
    file: Uint8Array,
    name: string,
    maps?: Record<string, MapOptions>,
    skipped?: Record<string, true>,
  ): { programs: ProgramDescription[]; maps: MapDescription[] };
  close(handle: Handle<'program' | 'map' | 'link'>): void;
  pin(handle: Handle<'program' | 'map' | 'link'>, path: string): void;
  openPinned(kind: 'map', path: string): MapDescription;
  openPinned(kind: 'prog', path: string): ProgramDescription;
  openPinned(kind: 'link', path: string): Handle<'link'>;
  mapGet(map: Handle<'map'>, key: Uint8Array): Uint8Array | undefined;
  mapSet(map: Handle<'map'>, key: Uint8Array, value: Uint8Array, flags: number): void;
  mapDelete(map: Handle<'map'>, key: Uint8Array): boolean;
  mapNextKey(map: Handle<'map'>, key: Uint8Array | undefined): Uint8Array | undefined;
  mapReadBatch(map: Handle<'map'>, token: Uint8Array | undefined, count: number): Batch;
  ringOpen(map: Handle<'map'>, listener: (record: Uint8Array) => void): Handle<'ring'>;
  ringClose(ring: Handle<'ring'>): void;
  linkCreate(program: Handle<'program'>, ifindex: number, point: number): Handle<'link'>;
  filterCreate(program: Handle<'program'>, ifindex: number, egress: 0 | 1): Handle<'link'>;
  linkInfo(link: Handle<'link'>): { id: number; programId: number; ifindex: number };
  linkUpdate(link: Handle<'link'>, program: Handle<'program'>): void;
  interfaceIndex(name: string): number;
  testRun(
    program: Handle<'program'>,
    input: Uint8Array,
    outputSize: number,
    repeat: number,
  ): { verdict: number; output: Uint8Array; outputSize: number; duration: number };
}

export interface Batch {
  keys: Uint8Array;
  values: Uint8Array;
  count: number;
  token: Uint8Array | undefined;
}

const loaded = loadAddon<Native>(new URL('../build/', import.meta.url), 'bpf.node');
if ('addon' in loaded) loaded.addon.useErrorClass(LibbpfError);

/** Why there is no libbpf here, or undefined where there is. Privileges are not looked at: the kernel says EPERM. */
export const unavailable: string | undefined = 'reason' in loaded ? loaded.reason : undefined;

/** The addon; throws ENOSYS where it is unavailable. */
export function native(): Native {
  if ('addon' in loaded) return loaded.addon;
  throw new LibbpfError(`libbpf is unavailable: ${loaded.reason}`, constants.errno.ENOSYS);
}
