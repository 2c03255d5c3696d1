import { endpoints, type LocalAdminView } from '@netport/protocol';
import type { Command } from 'commander';
import { type Cli, connect, type JsonOption, printList, withExample, withJson } from '../../cli.js';
import { relativeTime } from '../../output/human.js';
import type { Column } from '../../output/table.js';

export function adminLs(group: Command, cli: Cli): void {
  const command = group
    .command('ls')
    .description('list local admins')
    .action(async (options: JsonOption) => {
      const admins = await (await connect(cli)).list(endpoints.localAdmin.list);
      const empty = 'No local admins yet: netport admin add NAME --role operator';
      printList(cli, admins, columns(cli.now()), { ...options, empty });
    });
  withExample(withJson(command), 'netport admin ls');
}

const columns = (now: number): Column<LocalAdminView>[] => [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'ROLE', value: ({ role }) => role },
  { title: 'CREATED', value: ({ createdAt }) => relativeTime(createdAt, now) },
  {
    title: 'LAST SIGN-IN',
    value: ({ lastSignInAt }) => (lastSignInAt === null ? 'never' : relativeTime(lastSignInAt, now)),
  },
];
