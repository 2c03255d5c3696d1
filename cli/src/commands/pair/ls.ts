import { endpoints, type PairView } from '@netport/protocol';
import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { relativeTime } from '../../output/human.js';
import type { Column } from '../../output/table.js';
import { addListing } from '../common.js';
import { formatPairSide, pairError } from './format.js';

export const pairLs = (group: Command, cli: Cli): void =>
  addListing(group, cli, {
    description: 'list access pairs and whether they work',
    endpoint: endpoints.pair.list,
    columns,
    empty:
      'No access pairs: nothing is reachable. Grant one: netport pair add NAME --from PORTAL:ADDRESS:PORT --to PORTAL:ADDRESS:PORT',
    examples: ['netport pair ls', `netport pair ls --json | jq -r '.[] | select(.error) | .name'`],
  });

const columns = (now: number): Column<PairView>[] => [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'STATE', value: ({ state }) => state },
  { title: 'PROTOCOL', value: ({ protocol }) => protocol },
  { title: 'TRANSPORT', value: ({ transport }) => transport },
  { title: 'FROM', value: ({ from }) => formatPairSide(from) },
  { title: 'TO', value: ({ to }) => formatPairSide(to) },
  { title: 'EXPIRES', value: ({ expiresAt }) => (expiresAt ? relativeTime(expiresAt, now) : 'never') },
  { title: 'ERROR', value: pairError },
];
