import { endpoints, type LocalAdminView } from '@netport/protocol';
import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { relativeTime } from '../../output/human.js';
import type { Column } from '../../output/table.js';
import { addListing } from '../common.js';

export const adminLs = (group: Command, cli: Cli): void =>
  addListing(group, cli, {
    description: 'list local admins',
    endpoint: endpoints.localAdmin.list,
    columns,
    empty: 'No local admins yet: netport admin add NAME --role operator',
    examples: ['netport admin ls'],
  });

const columns = (now: number): Column<LocalAdminView>[] => [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'ROLE', value: ({ role }) => role },
  { title: 'CREATED', value: ({ createdAt }) => relativeTime(createdAt, now) },
  {
    title: 'LAST SIGN-IN',
    value: ({ lastSignInAt }) => (lastSignInAt === null ? 'never' : relativeTime(lastSignInAt, now)),
  },
];
