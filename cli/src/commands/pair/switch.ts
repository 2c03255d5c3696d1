import { endpoints, type Name } from '@netport/protocol';
import type { Command } from 'commander';
import { nameArgument } from '../../arguments.js';
import { type Cli, connect, type JsonOption, print, printJson, withExample, withJson } from '../../cli.js';
import { pairState } from './format.js';

const descriptions = {
  enable: 'put a disabled access pair back in force',
  disable: 'stop an access pair and end its streams, but keep it',
};

export function pairSwitch(group: Command, cli: Cli, action: 'enable' | 'disable'): void {
  const command = group
    .command(action)
    .description(descriptions[action])
    .argument('<name>', 'the access pair', nameArgument)
    .action(async (name: Name, { json }: JsonOption) => {
      const enabled = action === 'enable';
      const pair = await (await connect(cli)).call(endpoints.pair.change, { params: { name }, body: { enabled } });
      if (json) {
        printJson(cli, pair);
        return;
      }
      print(
        cli,
        enabled ? `Enabled ${name}. ${pairState(pair)}` : `Disabled ${name}. Its streams are ended at both portals.`,
      );
    });
  withExample(withJson(command), `netport pair ${action} web`);
}
