import { endpoints } from '@netport/protocol';
import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { addRemoval } from '../common.js';

export const pairRm = (group: Command, cli: Cli): void =>
  addRemoval(group, cli, {
    description: 'withdraw an access pair and end its streams',
    what: 'the access pair',
    endpoint: endpoints.pair.remove,
    done: (name) => `Withdrew ${name}. Its streams are ended at both portals.`,
    example: 'netport pair rm web',
  });
