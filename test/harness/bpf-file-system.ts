import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './namespaces.js';

/** A BPF filesystem of one's own, for `--pin-directory`: `ip netns exec` hides the one at /sys/fs/bpf. */
export interface BpfFileSystem {
  path: string;
  /** With everything that is pinned in it. */
  remove(): void;
}

export function mountBpf(): BpfFileSystem {
  const path = mkdtempSync(join(tmpdir(), 'netport-bpf-'));
  run(`mount -t bpf bpf ${path}`);
  return {
    path,
    remove: () => {
      run(`umount ${path}`);
      rmdirSync(path);
    },
  };
}
