import { endpoints, type Name } from '@netport/protocol';
import type { Command } from 'commander';
import { nameArgument } from '../../arguments.js';
import { type Cli, connect, print, withExample } from '../../cli.js';

export function certRevoke(group: Command, cli: Cli): void {
  const command = group
    .command('revoke')
    .description('revoke every certificate of a portal or relay and end its sessions')
    .argument('<name>', 'the portal, or with --relay the relay', nameArgument)
    .option('--relay', 'it is a relay')
    .action(async (name: Name, { relay }: { relay?: boolean }) => {
      const kind = relay ? 'relay' : 'portal';
      await (await connect(cli)).call(endpoints[kind].revoke, { params: { name } });
      print(cli, `Revoked the certificates of ${kind} ${name}. To let it come back: netport ${kind} token ${name}`);
    });
  withExample(command, 'netport cert revoke laptop', 'netport cert revoke relay-1 --relay');
}
