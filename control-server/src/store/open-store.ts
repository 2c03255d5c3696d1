import { fileURLToPath } from 'node:url';
import { asNetportError, NetportError } from '@netport/protocol';
import { migrate, readMigrations, sqliteMigrations } from './migrations.js';
import { PrismaClient } from './prisma.js';
import { prismaRecords } from './prisma-records.js';
import { openConnection, SqliteAdapter } from './sqlite-connection.js';
import type { Store } from './store.js';

/** One unit of work may wait this long for its turn, and then run this long: generous, since a fault here is a fault of ours. */
const transactionTimes = { maxWait: 30_000, timeout: 30_000 };

/** Opens the database and brings its schema up to date. Throws `invalid_request` for a URL other than `file:`, `database_incompatible` for a foreign schema. */
export async function openStore(databaseUrl: string, now: () => Date): Promise<Store> {
  if (!databaseUrl.startsWith('file:')) {
    const scheme = databaseUrl.split(':', 1)[0];
    throw new NetportError(
      'invalid_request',
      `--database-url ${scheme}:… is not supported: this version keeps its state in SQLite (file:PATH); PostgreSQL comes later`,
    );
  }
  const url = databaseUrl.startsWith('file://') ? `file:${fileURLToPath(databaseUrl)}` : databaseUrl;
  const client = await openConnection({ url }).catch((thrown) => {
    throw asNetportError(thrown, 'data_directory_unwritable', `cannot open the database ${url}`);
  });
  try {
    await migrate(client, await readMigrations(sqliteMigrations), now);
  } catch (error) {
    client.close();
    throw error;
  }
  const prisma = new PrismaClient({ adapter: new SqliteAdapter(client) });
  const transaction: Store['transaction'] = (work) =>
    prisma.$transaction((inside) => work(prismaRecords(inside)), transactionTimes);
  return {
    records: prismaRecords(prisma),
    transaction,
    close: async () => {
      // Everything takes turns, so this waits for what was asked before.
      await transaction(async () => {});
      await prisma.$disconnect();
      client.close();
    },
  };
}
