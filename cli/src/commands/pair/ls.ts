import { endpoints, type PairView } from '@netport/protocol';
import type { Command } from 'commander';
import { type Cli, connect, type JsonOption, printList, withExample, withJson } from '../../cli.js';
import { relativeTime } from '../../output/human.js';
import type { Column } from '../../output/table.js';
import { formatPairSide, pairError } from './format.js';

export function pairLs(group: Command, cli: Cli): void {
  const command = group
    .command('ls')
    .description('list access pairs and whether they work')
    .action(async (options: JsonOption) => {
      const pairs = await (await connect(cli)).list(endpoints.pair.list);
      printList(cli, pairs, pairColumns(cli.now()), {
        ...options,
        empty:
          'No access pairs: nothing is reachable. Grant one: netport pair add NAME --from PORTAL:ADDRESS:PORT --to PORTAL:ADDRESS:PORT',
      });
    });
  withExample(withJson(command), 'netport pair ls', `netport pair ls --json | jq -r '.[] | select(.error) | .name'`);
}

const pairColumns = (now: number): Column<PairView>[] => [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'STATE', value: ({ state }) => state },
  { title: 'PROTOCOL', value: ({ protocol }) => protocol },
  { title: 'TRANSPORT', value: ({ transport }) => transport },
  { title: 'FROM', value: ({ from }) => formatPairSide(from) },
  { title: 'TO', value: ({ to }) => formatPairSide(to) },
  { title: 'EXPIRES', value: ({ expiresAt }) => (expiresAt ? relativeTime(expiresAt, now) : 'never') },
  { title: 'ERROR', value: pairError },
];
