import { endpoints } from '@netport/protocol';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { type Cli, connect, type JsonOption, printJson, withExample, withJson } from '../cli.js';

/** `netport export`: the present state as documents. */
export function exportCommand(program: Command, cli: Cli): void {
  const command = program
    .command('export')
    .description('print the present state as documents: applying them again changes nothing')
    .action(async ({ json }: JsonOption) => {
      const { documents } = await (await connect(cli)).call(endpoints.policy.show, {});
      if (json) printJson(cli, documents);
      else cli.stdout.write(documents.map((document) => stringify(document, { lineWidth: 0 })).join('---\n'));
    });
  withExample(withJson(command), 'netport export > policy.yaml', "netport export --json | jq '.[].metadata.name'");
}
