// Builds the native parts: the addon into build/, the BPF program into xdp/build/. The relay runs without either.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonNeeds, compileAddon, lack, needs, record } from '@netport/addon/build';

const here = dirname(fileURLToPath(import.meta.url));

record(
  join(here, 'build'),
  lack(addonNeeds) ?? compileAddon(here),
  'relay: addon not built, TCP circuits stay in userspace',
);

const xdp = join(here, 'xdp');
const reason = lack([needs.linux, needs.clang, needs.make, needs.libbpf]);
record(join(xdp, 'build'), reason, 'relay: BPF program not built, packets are forwarded in userspace');
if (!reason) {
  // A program that does not compile is a fault of ours, not of the machine.
  const { status } = spawnSync('make', ['--silent', '-C', xdp], { stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}
