import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditEventView, type AuditFilter, endpoints, limits } from '@netport/protocol';
import type { Command } from 'commander';
import { countArgument } from '../arguments.js';
import { type Cli, connect, type JsonOption, print, printList, withExample, withJson } from '../cli.js';
import type { Api } from '../client.js';
import { absoluteTime } from '../output/human.js';
import { type Column, printable } from '../output/table.js';
import { auditExportCommand } from './audit-export.js';
import { type FilterOptions, filterOf, withFilter } from './audit-filter.js';
import { auditVerifyCommand } from './audit-verify.js';

interface AuditOptions extends JsonOption, FilterOptions {
  limit: number;
  follow?: boolean;
}

/** How often `--follow` asks for more. */
const pollInterval = 1000;

export function audit(program: Command, cli: Cli): void {
  const command = program
    .command('audit')
    .description('show who did what, the latest last')
    // Its commands have options of the same names.
    .enablePositionalOptions()
    .option('--limit <number>', 'how many events to show', countArgument, 100)
    .option('--follow', 'go on showing events as they happen (with --json: one per line)')
    .action(async ({ limit, follow, json, ...options }: AuditOptions) => {
      const api = await connect(cli);
      const filter = filterOf(options, cli.now());
      const query = { ...filter, limit: Math.min(limit, limits.apiPageSize) };
      const events = await api.list(endpoints.audit.list, { query, max: limit });
      if (!follow) {
        // Programs get the server's order, newest first, so that the first is the latest.
        const rows = json ? events : events.reverse();
        printList(cli, rows, columns, { json: json ?? false, empty: 'No such events.' });
        return;
      }
      const show = (event: AuditEventView) => print(cli, json ? JSON.stringify(event) : eventLine(event));
      events.reverse().forEach(show);
      await followEvents(api, filter, events.at(-1)?.id ?? 0, show);
    });
  withFilter(command);
  withExample(
    withJson(command),
    'netport audit --limit 20',
    'netport audit --pair web --code ok --since 2h',
    'netport audit --action circuit.deny --follow',
  );
  auditExportCommand(command, cli);
  auditVerifyCommand(command, cli);
}

/** Runs until the process is told to stop or the server cannot be asked any more. */
async function followEvents(
  api: Api,
  filter: AuditFilter,
  after: number,
  show: (event: AuditEventView) => void,
): Promise<never> {
  let last = after;
  for (;;) {
    await sleep(pollInterval);
    const query = { ...filter, limit: limits.apiPageSize };
    const seen = last;
    const fresh = await api.list(endpoints.audit.list, { query, wanted: ({ id }) => id > seen });
    for (const event of fresh.reverse()) show(event);
    last = fresh.at(-1)?.id ?? last;
  }
}

const detailText = ({ detail }: AuditEventView): string =>
  Object.entries(detail)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');

const columns: Column<AuditEventView>[] = [
  { title: 'TIME', value: ({ at }) => absoluteTime(at) },
  { title: 'ACTOR', value: ({ actor }) => actor },
  { title: 'ACTION', value: ({ action }) => action },
  { title: 'SUBJECT', value: ({ subject }) => subject },
  { title: 'CODE', value: ({ code }) => code },
  { title: 'ORIGIN', value: ({ origin }) => origin },
  { title: 'DETAIL', value: detailText },
];

const eventLine = (event: AuditEventView): string =>
  printable(
    columns
      .map(({ value }) => value(event))
      .filter((text) => text)
      .join('  '),
  );
