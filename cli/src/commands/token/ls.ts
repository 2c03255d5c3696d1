import { type ApiTokenView, endpoints } from '@netport/protocol';
import type { Command } from 'commander';
import { type Cli, connect, type JsonOption, printList, withExample, withJson } from '../../cli.js';
import { relativeTime } from '../../output/human.js';
import type { Column } from '../../output/table.js';

export function tokenLs(group: Command, cli: Cli): void {
  const command = group
    .command('ls')
    .description('list API tokens, expired ones too')
    .action(async (options: JsonOption) => {
      const tokens = await (await connect(cli)).list(endpoints.apiToken.list);
      printList(cli, tokens, columns(cli.now()), { ...options, empty: 'No API tokens.' });
    });
  withExample(withJson(command), 'netport token ls');
}

const columns = (now: number): Column<ApiTokenView>[] => [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'ROLE', value: ({ role }) => role },
  { title: 'CREATED', value: ({ createdAt }) => relativeTime(createdAt, now) },
  { title: 'EXPIRES', value: ({ expiresAt }) => (expiresAt === null ? 'never' : relativeTime(expiresAt, now)) },
  { title: 'LAST USED', value: ({ lastUsedAt }) => (lastUsedAt === null ? 'never' : relativeTime(lastUsedAt, now)) },
  { title: 'SCOPES', value: ({ scopes }) => scopes?.join(' ') ?? 'all of the role' },
];
