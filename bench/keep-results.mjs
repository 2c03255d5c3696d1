// What a run found, in bench/results: figures for programs, and for people the table where there is one.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, 'results');

/** Writes NAME.json and, given a table in Markdown, NAME.md. Returns the path of the first. */
export function keepResults(name, figures, table) {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.json`);
  writeFileSync(path, `${JSON.stringify(figures, null, 2)}\n`);
  if (table !== undefined) writeFileSync(join(folder, `${name}.md`), table);
  return path;
}
