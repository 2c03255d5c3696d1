// Makes the Prisma client (src/store/generated, not in git) before tsc. Offline, and a no-op while the schema stays the same.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const schema = join(here, '../prisma/sqlite');
const generated = join(here, 'src/store/generated');
const stamp = join(generated, 'schema-hash');

const manifestPath = createRequire(import.meta.url).resolve('prisma/package.json');
const manifest = JSON.parse(readFileSync(manifestPath, 'utf8'));
const hash = createHash('sha256').update(manifest.version);
for (const file of ['schema.prisma', 'models.prisma']) hash.update(readFileSync(join(schema, file)));
const wanted = hash.digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  rmSync(generated, { recursive: true, force: true });
  const cli = join(dirname(manifestPath), manifest.bin.prisma);
  const result = spawnSync(process.execPath, [cli, 'generate', '--schema', schema], {
    cwd: here,
    encoding: 'utf8',
    // `generate` needs no schema engine, but the CLI would download one: any program in its place keeps it offline.
    env: {
      ...process.env,
      PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
    },
  });
  if (result.status !== 0) {
    process.stderr.write(`prisma generate failed:\n${result.stdout}${result.stderr}`);
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}
