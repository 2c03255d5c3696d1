import type { Name } from '@netport/protocol';
import type { Command } from 'commander';
import { nameArgument } from '../../arguments.js';
import { type Cli, connect, print, withExample } from '../../cli.js';
import { exampleName, type MemberKind, memberEndpoints } from './kind.js';

const consequence = {
  portal: 'Its certificates are revoked, its access pairs are gone.',
  relay: 'Its certificates are revoked; circuits over it move to other relays.',
};

export function memberRm(group: Command, cli: Cli, kind: MemberKind): void {
  const command = group
    .command('rm')
    .description(`remove a ${kind}: revoke its certificates and end its sessions`)
    .argument('<name>', `the ${kind}`, nameArgument)
    .action(async (name: Name) => {
      await (await connect(cli)).call(memberEndpoints(kind).remove, { params: { name } });
      print(cli, `Removed ${kind} ${name}. ${consequence[kind]}`);
    });
  withExample(command, `netport ${kind} rm ${exampleName[kind]}`);
}
