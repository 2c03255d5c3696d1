import { endpoints, type Name } from '@netport/protocol';
import type { Command } from 'commander';
import { nameArgument } from '../../arguments.js';
import { type Cli, connect, print, withExample } from '../../cli.js';

export function deviceCaRm(group: Command, cli: Cli): void {
  const command = group
    .command('rm')
    .description('remove a device authority: no more of its devices enrol, and those that have stay')
    .argument('<name>', 'the device authority', nameArgument)
    .action(async (name: Name) => {
      await (await connect(cli)).call(endpoints.deviceAuthority.remove, { params: { name } });
      print(
        cli,
        `Removed the device authority ${name}. Its portals stay: netport cert revoke NAME, or netport portal rm NAME.`,
      );
    });
  withExample(command, 'netport device-ca rm acme');
}
