import { endpoints } from '@netport/protocol';
import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { addRemoval } from '../common.js';

export const adminRm = (group: Command, cli: Cli): void =>
  addRemoval(group, cli, {
    description: 'remove a local admin and end his sessions',
    what: 'the local admin',
    endpoint: endpoints.localAdmin.remove,
    done: (name) => `Removed the local admin ${name}. His sessions are over.`,
    example: 'netport admin rm ada',
  });
