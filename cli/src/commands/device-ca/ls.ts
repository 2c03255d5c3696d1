import { anchorsOf, type DeviceAuthorityView, endpoints } from '@netport/protocol';
import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { relativeTime } from '../../output/human.js';
import type { Column } from '../../output/table.js';
import { addListing } from '../common.js';

export const deviceCaLs = (group: Command, cli: Cli): void =>
  addListing(group, cli, {
    description: 'list device authorities',
    endpoint: endpoints.deviceAuthority.list,
    columns,
    empty: 'No device authorities. Add one: netport device-ca add NAME --file ca.pem --prefix NAME-',
    examples: ['netport device-ca ls'],
  });

const columns = (now: number): Column<DeviceAuthorityView>[] => [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'PREFIX', value: ({ prefix }) => prefix },
  { title: 'ADDS PORTALS', value: ({ autoAdd }) => (autoAdd ? 'yes' : 'no') },
  {
    title: 'TRUSTS',
    value: (authority) =>
      anchorsOf(authority)
        .map(({ subject }) => subject)
        .join('; '),
  },
  { title: 'EXPIRES', value: (authority) => relativeTime(anchorsOf(authority)[0]?.notAfter ?? '', now) },
  { title: 'CREATED', value: ({ createdAt }) => relativeTime(createdAt, now) },
];
