import { endpoints, type Name, type Role } from '@netport/protocol';
import type { Command } from 'commander';
import { apiTokenLifetimeArgument, nameArgument } from '../../arguments.js';
import { type Cli, connect, type JsonOption, print, printJson, withExample, withJson } from '../../cli.js';
import { absoluteTime, relativeTime } from '../../output/human.js';
import { roleOption } from '../role.js';

interface AddOptions extends JsonOption {
  role: Role;
  expires?: number;
}

export function tokenAdd(group: Command, cli: Cli): void {
  const command = group
    .command('add')
    .description('make an API token')
    .argument('<name>', 'what it is for: a–z, 0–9 and -', nameArgument)
    .addOption(roleOption().makeOptionMandatory())
    .option('--expires <duration>', 'how long it is good, such as 12h or 365d (default: 90d)', apiTokenLifetimeArgument)
    .action(async (name: Name, { role, expires, json }: AddOptions) => {
      const body = { name, role, ...(expires !== undefined && { lifetimeSeconds: Math.ceil(expires / 1000) }) };
      const made = await (await connect(cli)).call(endpoints.apiToken.add, { body });
      if (json) {
        printJson(cli, made);
        return;
      }
      const until = `${absoluteTime(made.expiresAt)}, ${relativeTime(made.expiresAt, cli.now())}`;
      print(cli, `API token ${name}, ${role}, until ${until}. This is the only time it is shown:\n\n  ${made.token}\n`);
    });
  withExample(withJson(command), 'netport token add ci --role operator --expires 365d');
}
