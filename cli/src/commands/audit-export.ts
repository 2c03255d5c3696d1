import { once } from 'node:events';
import { auditExport } from '@netport/protocol';
import type { Command } from 'commander';
import { type Cli, connect, withExample } from '../cli.js';
import { type FilterOptions, filterOf, withFilter } from './audit-filter.js';

/** `netport audit export`: as many events as there are, one JSON object a line. */
export function auditExportCommand(group: Command, cli: Cli): void {
  const command = group
    .command('export')
    .description('print events as JSON lines, oldest first, as the server has them')
    .action(async (options: FilterOptions) => {
      const api = await connect(cli);
      for await (const line of api.lines(auditExport.path, filterOf(options, cli.now()))) {
        if (!cli.stdout.write(`${line}\n`)) await once(cli.stdout, 'drain');
      }
    });
  withExample(withFilter(command), 'netport audit export > audit.jsonl', 'netport audit export --since 24h --pair web');
}
