import { endpoints, type Name, type Role } from '@netport/protocol';
import type { Command } from 'commander';
import { nameArgument } from '../../arguments.js';
import { type Cli, connect, type JsonOption, withExample, withJson } from '../../cli.js';
import { roleOption } from '../role.js';
import { printAdmin, readPassword, stdinOption } from './password.js';

interface SetOptions extends JsonOption {
  role?: Role;
  passwordStdin?: boolean;
  newPassword?: boolean;
}

export function adminSet(group: Command, cli: Cli): void {
  const command: Command = group
    .command('set')
    .description('give a local admin another role, or another password, which ends his sessions')
    .argument('<name>', 'the local admin', nameArgument)
    .addOption(roleOption())
    .option(...stdinOption)
    .option('--new-password', 'have the server make one')
    .action(async (name: Name, { role, passwordStdin, newPassword, json }: SetOptions) => {
      if (passwordStdin && newPassword) command.error('error: give --password-stdin or --new-password, not both');
      if (!role && !passwordStdin && !newPassword)
        command.error('error: give --role, --password-stdin or --new-password');
      const password = passwordStdin ? await readPassword(cli) : null;
      const body = { ...(role && { role }), ...((passwordStdin || newPassword) && { password }) };
      const answer = await (await connect(cli)).call(endpoints.localAdmin.change, { params: { name }, body });
      printAdmin(cli, `Changed the local admin ${name}, ${answer.role}.`, answer, json);
    });
  withExample(withJson(command), 'netport admin set ada --role viewer', 'netport admin set ada --new-password');
}
