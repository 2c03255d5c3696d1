import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { whyNotBuilt } from '@netport/addon';

/** relay/xdp/relay.bpf.c, compiled by `npm run build`. */
const folder = new URL('../../../xdp/build/', import.meta.url);
export const programFile = fileURLToPath(new URL('relay.bpf.o', folder));

/** Why there is no program here, or undefined where there is. */
export const programUnavailable = (): string | undefined =>
  existsSync(programFile) ? undefined : `the BPF program: ${whyNotBuilt(folder)}`;
