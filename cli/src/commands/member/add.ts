import type { Name } from '@netport/protocol';
import type { Command } from 'commander';
import { nameArgument } from '../../arguments.js';
import { type Cli, connect, type JsonOption, withExample, withJson } from '../../cli.js';
import { exampleName, type MemberKind, memberEndpoints, printToken } from './kind.js';

export function memberAdd(group: Command, cli: Cli, kind: MemberKind): void {
  const command = group
    .command('add')
    .description(`add a ${kind} and make its join token`)
    .argument('<name>', 'a–z, 0–9 and -', nameArgument)
    .action(async (name: Name, { json }: JsonOption) => {
      const answer = await (await connect(cli)).call(memberEndpoints(kind).add, { body: { name } });
      printToken(cli, kind, `Added ${kind} ${name}.`, answer, json);
    });
  withExample(withJson(command), `netport ${kind} add ${exampleName[kind]}`);
}
