import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The build leaves in a folder of its output either what it built, or the reason why it did not. */
export function whyNotBuilt(folder: URL): string {
  try {
    return readFileSync(new URL('unavailable.txt', folder), 'utf8');
  } catch {
    return 'not built: run npm run build';
  }
}

/** Loads `Release/<file>` from a folder of build output, or tells in one line why it cannot. */
export function loadAddon<Addon>(folder: URL, file: string): { addon: Addon } | { reason: string } {
  try {
    const addon: Addon = createRequire(import.meta.url)(fileURLToPath(new URL(`Release/${file}`, folder)));
    return { addon };
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND';
    return { reason: missing ? whyNotBuilt(folder) : `cannot be loaded: ${String(error)}` };
  }
}
