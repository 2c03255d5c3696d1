import { endpoints, type Name, type Role, type Scope } from '@netport/protocol';
import type { Command } from 'commander';
import { apiTokenLifetimeArgument, nameArgument, scopeArgument } from '../../arguments.js';
import { type Cli, connect, type JsonOption, print, printJson, withExample, withJson } from '../../cli.js';
import { absoluteTime, relativeTime } from '../../output/human.js';
import { roleOption } from '../role.js';

interface AddOptions extends JsonOption {
  role: Role;
  scope?: Scope[];
  expires?: number;
}

export function tokenAdd(group: Command, cli: Cli): void {
  const command = group
    .command('add')
    .description('make an API token')
    .argument('<name>', 'what it is for: a–z, 0–9 and -', nameArgument)
    .addOption(roleOption().makeOptionMandatory())
    .option(
      '--scope <scope>',
      'only this of the role, such as pair.list, pair.* or pair.*:own; may be repeated',
      scopeArgument,
    )
    .option('--expires <duration>', 'how long it is good, such as 12h or 365d (default: 90d)', apiTokenLifetimeArgument)
    .action(async (name: Name, { role, scope, expires, json }: AddOptions) => {
      const lifetime = expires !== undefined && { lifetimeSeconds: Math.ceil(expires / 1000) };
      const body = { name, role, ...lifetime, ...(scope && { scopes: scope }) };
      const made = await (await connect(cli)).call(endpoints.apiToken.add, { body });
      if (json) {
        printJson(cli, made);
        return;
      }
      const until = `${absoluteTime(made.expiresAt)}, ${relativeTime(made.expiresAt, cli.now())}`;
      const only = made.scopes ? `, only ${made.scopes.join(' ')}` : '';
      print(
        cli,
        `API token ${name}, ${role}${only}, until ${until}. This is the only time it is shown:\n\n  ${made.token}\n`,
      );
    });
  withExample(
    withJson(command),
    "netport token add ci --role operator --scope 'pair.*' --scope portal.list --expires 365d",
  );
}
