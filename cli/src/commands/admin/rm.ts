import { endpoints, type Name } from '@netport/protocol';
import type { Command } from 'commander';
import { nameArgument } from '../../arguments.js';
import { type Cli, connect, print, withExample } from '../../cli.js';

export function adminRm(group: Command, cli: Cli): void {
  const command = group
    .command('rm')
    .description('remove a local admin and end his sessions')
    .argument('<name>', 'the local admin', nameArgument)
    .action(async (name: Name) => {
      await (await connect(cli)).call(endpoints.localAdmin.remove, { params: { name } });
      print(cli, `Removed the local admin ${name}. His sessions are over.`);
    });
  withExample(command, 'netport admin rm ada');
}
