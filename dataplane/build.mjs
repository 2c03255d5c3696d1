// Builds the addon into build/.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonNeeds, compileAddon, lack, record } from '@netport/addon/build';

const here = dirname(fileURLToPath(import.meta.url));
record(
  join(here, 'build'),
  lack(addonNeeds) ?? compileAddon(here),
  'dataplane: not built, UDP goes through node:dgram',
);
