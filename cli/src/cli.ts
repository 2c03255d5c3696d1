import type { Readable, Writable } from 'node:stream';
import type { Command } from 'commander';
import { type Api, createApi } from './client.js';
import { type Credentials, loadCredentials } from './credentials.js';
import { type Column, table } from './output/table.js';

/** What a command has of the world: main.ts gives it the process, a test gives it streams. */
export interface Cli {
  env: Readonly<Record<string, string | undefined>>;
  stdin: Readable;
  stdout: Writable;
  stderr: Writable;
  /** Milliseconds since 1970. */
  now(): number;
  /** From now on, the first Ctrl-C aborts this signal instead of ending the process. */
  interruption(): AbortSignal;
}

export interface JsonOption {
  json?: boolean;
}

/** The admin API as the person who logged in. */
export const connect = async (cli: Cli): Promise<Api> => connectAs(cli, await loadCredentials(cli.env));

/** The same with a login that was loaded. Where the root CA was replaced meanwhile, the login follows. */
export function connectAs(cli: Cli, credentials: Credentials): Api {
  // A file that somebody else wrote is left to him.
  if (cli.env.NETPORT_CA) return createApi(credentials);
  // Only then: to load what reads certificates takes longer than all the rest.
  return createApi(credentials, { catchUp: async () => (await import('./catch-up.js')).catchUp(cli, credentials) });
}

export const withJson = (command: Command): Command => command.option('--json', 'print JSON, for programs');

export const withExample = (command: Command, ...lines: string[]): Command =>
  command.addHelpText('after', `\nExample:\n${lines.map((line) => `  ${line}`).join('\n')}`);

export const print = (cli: Cli, text: string): void => {
  cli.stdout.write(`${text}\n`);
};

export const printJson = (cli: Cli, value: unknown): void => print(cli, JSON.stringify(value, null, 2));

/** A list for people or for programs. `empty` is what to say, and to do next, when nothing is there. */
export function printList<Row>(
  cli: Cli,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { json, empty }: JsonOption & { empty: string },
): void {
  if (json) printJson(cli, rows);
  else print(cli, rows.length === 0 ? empty : table(rows, columns));
}
