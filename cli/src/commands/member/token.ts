import type { Name } from '@netport/protocol';
import type { Command } from 'commander';
import { nameArgument, tokenLifetimeArgument } from '../../arguments.js';
import { type Cli, connect, type JsonOption, withExample, withJson } from '../../cli.js';
import { exampleName, type MemberKind, memberEndpoints, printToken } from './kind.js';

export function memberToken(group: Command, cli: Cli, kind: MemberKind): void {
  const command = group
    .command('token')
    .description(`make a new join token for a ${kind} that exists`)
    .argument('<name>', `the ${kind}`, nameArgument)
    .option('--expires <duration>', 'how long it can be used, such as 30m or 2d (default: 1h)', tokenLifetimeArgument)
    .action(async (name: Name, { json, expires }: JsonOption & { expires?: number }) => {
      const body = expires === undefined ? {} : { lifetimeSeconds: Math.ceil(expires / 1000) };
      const answer = await (await connect(cli)).call(memberEndpoints(kind).token, { params: { name }, body });
      printToken(cli, kind, `A new join token for ${kind} ${name}.`, answer, json);
    });
  withExample(withJson(command), `netport ${kind} token ${exampleName[kind]} --expires 30m`);
}
