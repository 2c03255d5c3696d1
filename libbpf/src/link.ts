import { type Handle, native } from './native.js';
import type { Program } from './program.js';

export type AttachMode = 'native' | 'generic' | 'tcx' | 'clsact' | 'pinned';

/** A program at an interface, until it is closed, garbage collected or its process ends, unless it is pinned. */
export class Link {
  readonly #handle: Handle<'link'>;
  /** How it is attached. */
  readonly mode: AttachMode;

  constructor(handle: Handle<'link'>, mode: AttachMode) {
    this.#handle = handle;
    this.mode = mode;
  }

  /** What the kernel says of it; `ifindex` 0 when the interface is gone. EINVAL for clsact, which has no links. */
  info(): { id: number; programId: number; ifindex: number } {
    return native().linkInfo(this.#handle);
  }

  /** Puts another program in its place: every packet is seen by one of the two. Not for clsact. */
  update(program: Program): void {
    native().linkUpdate(this.#handle, program.handle);
  }

  /** Stays attached when this process ends, until the file is removed. ENOTSUP for clsact. */
  pin(path: string): void {
    native().pin(this.#handle, path);
  }

  close(): void {
    native().close(this.#handle);
  }
}

/** A link that a process pinned in a bpffs. */
export function openPinnedLink(path: string): Link {
  return new Link(native().openPinned('link', path), 'pinned');
}
