import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** relay/xdp/relay.bpf.c, compiled by `npm run build`. */
const folder = new URL('../../../xdp/build/', import.meta.url);
export const programFile = fileURLToPath(new URL('relay.bpf.o', folder));

/** Why there is no program here, or undefined where there is. */
export function programUnavailable(): string | undefined {
  if (existsSync(programFile)) return undefined;
  try {
    return readFileSync(new URL('unavailable.txt', folder), 'utf8');
  } catch {
    return 'the BPF program is not built: run npm run build';
  }
}
