import { endpoints, type Name } from '@netport/protocol';
import type { Command } from 'commander';
import { nameArgument } from '../../arguments.js';
import { type Cli, connect, print, withExample } from '../../cli.js';

export function tokenRm(group: Command, cli: Cli): void {
  const command = group
    .command('rm')
    .description('remove an API token: it stops working at once')
    .argument('<name>', 'the API token', nameArgument)
    .action(async (name: Name) => {
      await (await connect(cli)).call(endpoints.apiToken.remove, { params: { name } });
      print(cli, `Removed the API token ${name}. Its sessions are over.`);
    });
  withExample(command, 'netport token rm ci');
}
