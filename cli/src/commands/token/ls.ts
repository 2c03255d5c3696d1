import { type ApiTokenView, endpoints } from '@netport/protocol';
import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { relativeTime } from '../../output/human.js';
import type { Column } from '../../output/table.js';
import { addListing } from '../common.js';

export const tokenLs = (group: Command, cli: Cli): void =>
  addListing(group, cli, {
    description: 'list API tokens, expired ones too',
    endpoint: endpoints.apiToken.list,
    columns,
    empty: 'No API tokens.',
    examples: ['netport token ls'],
  });

const columns = (now: number): Column<ApiTokenView>[] => [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'ROLE', value: ({ role }) => role },
  { title: 'CREATED', value: ({ createdAt }) => relativeTime(createdAt, now) },
  { title: 'EXPIRES', value: ({ expiresAt }) => (expiresAt === null ? 'never' : relativeTime(expiresAt, now)) },
  { title: 'LAST USED', value: ({ lastUsedAt }) => (lastUsedAt === null ? 'never' : relativeTime(lastUsedAt, now)) },
  { title: 'SCOPES', value: ({ scopes }) => scopes?.join(' ') ?? 'all of the role' },
];
