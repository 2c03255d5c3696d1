import { endpoints, type Name } from '@netport/protocol';
import type { Command } from 'commander';
import { nameArgument } from '../../arguments.js';
import { type Cli, connect, print, withExample } from '../../cli.js';

export function pairRm(group: Command, cli: Cli): void {
  const command = group
    .command('rm')
    .description('withdraw an access pair and end its streams')
    .argument('<name>', 'the access pair', nameArgument)
    .action(async (name: Name) => {
      await (await connect(cli)).call(endpoints.pair.remove, { params: { name } });
      print(cli, `Withdrew ${name}. Its streams are ended at both portals.`);
    });
  withExample(command, 'netport pair rm web');
}
