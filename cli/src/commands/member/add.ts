import type { Name } from '@netport/protocol';
import type { Command } from 'commander';
import { type LabelChange, labelArgument, nameArgument } from '../../arguments.js';
import { type Cli, connect, type JsonOption, withExample, withJson } from '../../cli.js';
import { exampleName, type MemberKind, memberEndpoints, printToken } from './kind.js';
import { changeLabels } from './label.js';

export function memberAdd(group: Command, cli: Cli, kind: MemberKind): void {
  const command = group
    .command('add')
    .description(`add a ${kind} and make its join token`)
    .argument('<name>', 'a–z, 0–9 and -', nameArgument)
    .option('--label <key=value>', 'what it is or where, for selectors; may be given again', labelArgument)
    .action(async (name: Name, { json, label = [] }: JsonOption & { label?: LabelChange[] }) => {
      const body = { name, ...(label.length > 0 && { labels: changeLabels({}, label) }) };
      const answer = await (await connect(cli)).call(memberEndpoints(kind).add, { body });
      printToken(cli, kind, `Added ${kind} ${name}.`, answer, json);
    });
  withExample(withJson(command), `netport ${kind} add ${exampleName[kind]} --label site=berlin`);
}
