// How a run between namespaces tells how far it is, and what becomes of its figures.
import { keepResults } from '../keep-results.mjs';
import { describeMachine } from '../machine.mjs';

export function report(text) {
  process.stderr.write(`\r${text}`.padEnd(80));
}

/** Prints the table, and keeps it beside the figures and what they were measured on. */
export function keep(name, figures, table) {
  console.log(`\n${table}`);
  const machine = describeMachine([
    ['cc', '--version'],
    ['nft', '--version'],
    ['ip', '-V'],
  ]);
  keepResults(name, { machine, ...figures }, table);
}
