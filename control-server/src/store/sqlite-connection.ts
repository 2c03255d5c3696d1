import { type Client, type Config, createClient, type Transaction } from '@libsql/client';
import { PrismaLibSql } from '@prisma/adapter-libsql';

/** `busy_timeout` waits for a reader outside this process, such as a backup. It blocks the event loop, so it is short. */
const pragmas = [
  'PRAGMA journal_mode = WAL',
  'PRAGMA synchronous = NORMAL',
  'PRAGMA busy_timeout = 1000',
  'PRAGMA foreign_keys = ON',
];

/**
 * One SQLite connection. libsql's own client opens another after each transaction, which forgets the pragmas and keeps
 * the old one open until it is garbage collected; here the transaction runs on the one connection. The callers take
 * turns: Prisma's adapter holds its lock for the whole of a transaction, and the migration runner is alone.
 */
export async function openConnection(config: Config): Promise<Client> {
  const client = createClient(config);
  client.transaction = async (): Promise<Transaction> => {
    try {
      await client.execute('BEGIN IMMEDIATE');
    } catch (error) {
      // A BEGIN that found the database locked counts as unfinished, and no later COMMIT would work.
      client.reconnect();
      await configure(client);
      throw error;
    }
    return transactionOn(client);
  };
  await configure(client);
  return client;
}

async function configure(client: Client): Promise<void> {
  for (const pragma of pragmas) await client.execute(pragma);
}

function transactionOn(client: Client): Transaction {
  let closed = false;
  const end = async (statement: 'COMMIT' | 'ROLLBACK'): Promise<void> => {
    await client.execute(statement);
    closed = true;
  };
  return {
    execute: (statement: Parameters<Transaction['execute']>[0]) => client.execute(statement),
    batch: (statements) => Promise.all(statements.map((statement) => client.execute(statement))),
    executeMultiple: async (sql) => {
      // The client's own executeMultiple rolls back whatever transaction is open.
      for (const statement of splitStatements(sql)) await client.execute(statement);
    },
    commit: () => end('COMMIT'),
    rollback: () => end('ROLLBACK'),
    close: () => {
      if (!closed) void end('ROLLBACK');
    },
    get closed() {
      return closed;
    },
  };
}

/** Statements end with `;` at the end of a line: migrations are written that way. */
export const splitStatements = (sql: string): string[] =>
  sql
    .split(/;[ \t]*(?:\r?\n|$)/)
    .map((statement) => statement.replace(/^\s*--.*$/gm, '').trim())
    .filter((statement) => statement !== '');

/** Prisma's adapter over such a connection. */
export class SqliteAdapter extends PrismaLibSql {
  readonly #client: Client;

  constructor(client: Client) {
    super({ url: ':memory:' });
    this.#client = client;
  }

  override createClient(): Client {
    return this.#client;
  }
}
