import { Prisma } from './prisma.js';

const batchRows = 1000;
/** SQLite takes 32,766 values in one statement, and the widest row has 19. */
const insertBatch = 500;

export function* batches<T>(rows: readonly T[], size = batchRows): Generator<T[]> {
  for (let at = 0; at < rows.length; at += size) yield rows.slice(at, at + size);
}

/** Adds rows, all of the same columns. By `createMany`, 5,000 pairs take 2 s of CPU more, and an audit event six times as much. */
export async function insertRows(
  prisma: Prisma.TransactionClient,
  table: Prisma.ModelName,
  rows: readonly Readonly<Record<string, unknown>>[],
): Promise<void> {
  const columns = Object.keys(rows[0] ?? {});
  const start = `INSERT INTO "${table}" (${columns.map((column) => `"${column}"`).join()}) VALUES (`;
  for (const batch of batches(rows, insertBatch)) {
    // The statement's text before each value.
    const before = batch.flatMap((_, row) => columns.map((_, at) => (at > 0 ? ',' : row > 0 ? '),(' : start)));
    const values = batch.flatMap((row) => columns.map((column) => row[column]));
    await prisma.$executeRaw(new Prisma.Sql([...before, ')'], values));
  }
}
