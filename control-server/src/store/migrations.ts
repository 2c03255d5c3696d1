import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Client, LibsqlError, type Transaction } from '@libsql/client';
import { NetportError } from '@netport/protocol';

export interface Migration {
  name: string;
  sql: string;
  /** SHA-256 of the SQL file, hexadecimal: what Prisma's own engine writes too. */
  checksum: string;
}

/** From src/store as from dist/store: the same three steps up to the repository root. */
export const sqliteMigrations = fileURLToPath(new URL('../../../prisma/migrations/sqlite', import.meta.url));

/** The migrations of a directory, `<n>_<name>/migration.sql`, in order. */
export async function readMigrations(directory: string): Promise<Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(directory, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/** The columns are Prisma's, so that its tools see a database that they know. */
const bookkeeping = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
    "id" TEXT PRIMARY KEY NOT NULL,
    "checksum" TEXT NOT NULL,
    "finished_at" DATETIME,
    "migration_name" TEXT NOT NULL,
    "logs" TEXT,
    "rolled_back_at" DATETIME,
    "started_at" DATETIME NOT NULL DEFAULT current_timestamp,
    "applied_steps_count" INTEGER UNSIGNED NOT NULL DEFAULT 0
)`;

/**
 * Brings the database up to date and answers the names of the migrations that it applied. Each runs in one transaction
 * together with its own row; the write lock that it takes first keeps out a second server that starts at the same
 * moment: that one waits, and then finds the row. Throws `database_incompatible` when the database was written by another history.
 */
export async function migrate(client: Client, migrations: readonly Migration[], now: () => Date): Promise<string[]> {
  const applied: string[] = [];
  for (;;) {
    const name = await applyNext(client, migrations, now());
    if (name === undefined) return applied;
    applied.push(name);
  }
}

const lockAttempts = 600;
const lockRetryInterval = 50;

async function lock(client: Client): Promise<Transaction> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await client.transaction('write');
    } catch (error) {
      if (!(error instanceof LibsqlError) || error.code !== 'SQLITE_BUSY' || attempt === lockAttempts) throw error;
      await delay(lockRetryInterval);
    }
  }
}

async function applyNext(client: Client, migrations: readonly Migration[], now: Date): Promise<string | undefined> {
  const transaction = await lock(client);
  try {
    await transaction.execute(bookkeeping);
    const { rows } = await transaction.execute(
      'SELECT migration_name AS name, checksum FROM "_prisma_migrations" WHERE rolled_back_at IS NULL',
    );
    const next = nextMigration(migrations, new Map(rows.map((row) => [String(row.name), String(row.checksum)])));
    if (next) {
      await transaction.executeMultiple(next.sql);
      await transaction.execute({
        sql: `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
              VALUES (?, ?, ?, ?, ?, 1)`,
        args: [randomUUID(), next.checksum, next.name, now.getTime(), now.getTime()],
      });
    }
    await transaction.commit();
    return next?.name;
  } finally {
    transaction.close();
  }
}

/** Pure: the first migration that is not applied yet. Throws `database_incompatible` where the two histories differ. */
export function nextMigration(
  migrations: readonly Migration[],
  applied: ReadonlyMap<string, string>,
): Migration | undefined {
  const known = new Map(migrations.map((migration) => [migration.name, migration.checksum]));
  for (const [name, checksum] of applied) {
    if (!known.has(name)) {
      throw new NetportError(
        'database_incompatible',
        `the database has the migration ${name}, which this version does not know: start the newer version, or restore a backup`,
      );
    }
    if (known.get(name) !== checksum) {
      throw new NetportError(
        'database_incompatible',
        `the migration ${name} was changed after it had been applied to this database: restore its file as it was`,
      );
    }
  }
  return migrations.find((migration) => !applied.has(migration.name));
}
