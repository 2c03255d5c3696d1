import { endpoints } from '@netport/protocol';
import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { addRemoval } from '../common.js';

export const tokenRm = (group: Command, cli: Cli): void =>
  addRemoval(group, cli, {
    description: 'remove an API token: it stops working at once',
    what: 'the API token',
    endpoint: endpoints.apiToken.remove,
    done: (name) => `Removed the API token ${name}. Its sessions are over.`,
    example: 'netport token rm ci',
  });
