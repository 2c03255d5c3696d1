import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/harness.js';
import { type Migration, migrate, nextMigration, readMigrations, sqliteMigrations } from './migrations.js';
import { openStore } from './open-store.js';
import { openConnection, splitStatements } from './sqlite-connection.js';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory.remove());

const now = () => new Date('2030-01-01T00:00:00Z');
const open = () => openConnection({ url: `file:${join(directory.path, 'test.db')}` });
const migration = (name: string, sql: string): Migration => ({ name, sql, checksum: `sum of ${sql}` });
const first = migration('0001_a', 'CREATE TABLE a (x INTEGER);\n');
const second = migration('0002_b', 'CREATE TABLE b (x INTEGER);\nINSERT INTO b VALUES (1);\n');

test('applies what is new, in order, once', async () => {
  const client = await open();
  expect(await migrate(client, [first], now)).toEqual(['0001_a']);
  expect(await migrate(client, [first, second], now)).toEqual(['0002_b']);
  expect(await migrate(client, [first, second], now)).toEqual([]);
  const { rows } = await client.execute('SELECT checksum, applied_steps_count AS steps FROM _prisma_migrations');
  expect(rows.map((row) => [row.checksum, row.steps])).toEqual([
    [first.checksum, 1],
    [second.checksum, 1],
  ]);
  client.close();
});

test('two servers that start at once apply each migration exactly once', async () => {
  const clients = await Promise.all([open(), open()]);
  const applied = await Promise.all(clients.map((client) => migrate(client, [first, second], now)));
  expect(applied.flat().sort()).toEqual(['0001_a', '0002_b']);
  const { rows } = await clients[0].execute('SELECT count(*) AS n FROM b');
  expect(rows[0]?.n).toBe(1);
  for (const client of clients) client.close();
});

test('a migration that fails leaves nothing behind', async () => {
  const client = await open();
  const broken = migration('0002_broken', 'CREATE TABLE c (x INTEGER);\nINSERT INTO nowhere VALUES (1);\n');
  await expect(migrate(client, [first, broken], now)).rejects.toThrow(/nowhere/);
  const { rows } = await client.execute(`SELECT name FROM sqlite_master WHERE name IN ('a', 'c')`);
  expect(rows.map((row) => row.name)).toEqual(['a']);
  expect(await migrate(client, [first, second], now)).toEqual(['0002_b']);
  client.close();
});

test('refuses a history that was changed, and one from a newer version', () => {
  const applied = new Map([['0001_a', first.checksum]]);
  expect(nextMigration([first, second], applied)).toBe(second);
  expect(() => nextMigration([{ ...first, checksum: 'other' }], applied)).toThrow(/0001_a was changed/);
  expect(() => nextMigration([second], applied)).toThrow(/0001_a, which this version does not know/);
});

test('the project’s own migrations give what the models need', async () => {
  const store = await openStore(`file:${join(directory.path, 'real.db')}`, now);
  expect(await store.records.members.list('portal')).toEqual([]);
  await store.close();
  const names = (await readMigrations(sqliteMigrations)).map(({ name }) => name);
  expect(names[0]).toBe('0001_init');
});

test('reads a directory of migrations with the checksum of the file', async () => {
  await mkdir(join(directory.path, 'm/0001_x'), { recursive: true });
  await writeFile(join(directory.path, 'm/0001_x/migration.sql'), 'abc');
  expect(await readMigrations(join(directory.path, 'm'))).toEqual([
    { name: '0001_x', sql: 'abc', checksum: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' },
  ]);
});

test('keeps its pragmas after a transaction', async () => {
  const client = await open();
  await (await client.transaction('write')).commit();
  const value = async (pragma: string) => Object.values((await client.execute(`PRAGMA ${pragma}`)).rows[0] ?? {})[0];
  expect(await value('journal_mode')).toBe('wal');
  expect(await value('synchronous')).toBe(1);
  expect(await value('foreign_keys')).toBe(1);
  client.close();
});

test('splits statements at the ends of lines only', () => {
  expect(splitStatements("-- c\nINSERT INTO a VALUES (';');\n\n-- d\nSELECT 1;\n")).toEqual([
    "INSERT INTO a VALUES (';')",
    'SELECT 1',
  ]);
});

test.each(['postgresql://db/netport', 'mysql://db/netport', 'libsql://db'])('refuses %s', async (url) => {
  await expect(openStore(url, now)).rejects.toMatchObject({
    code: 'invalid_request',
    message: /PostgreSQL comes later/,
  });
});
