import { endpoints } from '@netport/protocol';
import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { addRemoval } from '../common.js';

export const deviceCaRm = (group: Command, cli: Cli): void =>
  addRemoval(group, cli, {
    description: 'remove a device authority: no more of its devices enrol, and those that have stay',
    what: 'the device authority',
    endpoint: endpoints.deviceAuthority.remove,
    done: (name) =>
      `Removed the device authority ${name}. Its portals stay: netport cert revoke NAME, or netport portal rm NAME.`,
    example: 'netport device-ca rm acme',
  });
