import { readFileSync } from 'node:fs';

/** relay/build.mjs leaves in a folder of build output what it built there, or why it did not. */
export function whyNotBuilt(folder: URL): string {
  try {
    return readFileSync(new URL('unavailable.txt', folder), 'utf8');
  } catch {
    return 'not built: run npm run build';
  }
}
