// Builds the addon into build/.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonNeeds, compileAddon, lack, needs, record } from '@netport/addon/build';

const here = dirname(fileURLToPath(import.meta.url));
const reason = lack([...addonNeeds, needs.libbpf]) ?? compileAddon(here);
record(join(here, 'build'), reason, 'libbpf: not built, BPF is unavailable');
