import { endpoints, type Name, type Role } from '@netport/protocol';
import type { Command } from 'commander';
import { nameArgument } from '../../arguments.js';
import { type Cli, connect, type JsonOption, withExample, withJson } from '../../cli.js';
import { roleOption } from '../role.js';
import { printAdmin, readPassword, stdinOption } from './password.js';

interface AddOptions extends JsonOption {
  role: Role;
  passwordStdin?: boolean;
}

export function adminAdd(group: Command, cli: Cli): void {
  const command = group
    .command('add')
    .description('add a local admin; the server makes a password, unless one is given')
    .argument('<name>', 'a–z, 0–9 and -', nameArgument)
    .addOption(roleOption().makeOptionMandatory())
    .option(...stdinOption)
    .action(async (name: Name, { role, passwordStdin, json }: AddOptions) => {
      const body = { name, role, ...(passwordStdin && { password: await readPassword(cli) }) };
      const answer = await (await connect(cli)).call(endpoints.localAdmin.add, { body });
      printAdmin(cli, `Added the local admin ${name}, ${role}.`, answer, json);
    });
  withExample(withJson(command), 'netport admin add ada --role operator');
}
