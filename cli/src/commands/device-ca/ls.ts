import { type DeviceAuthorityView, endpoints } from '@netport/protocol';
import type { Command } from 'commander';
import { type Cli, connect, type JsonOption, printList, withExample, withJson } from '../../cli.js';
import { relativeTime } from '../../output/human.js';
import type { Column } from '../../output/table.js';

export function deviceCaLs(group: Command, cli: Cli): void {
  const command = group
    .command('ls')
    .description('list device authorities')
    .action(async (options: JsonOption) => {
      const authorities = await (await connect(cli)).list(endpoints.deviceAuthority.list);
      printList(cli, authorities, columns(cli.now()), {
        ...options,
        empty: 'No device authorities. Add one: netport device-ca add NAME --file ca.pem --prefix NAME-',
      });
    });
  withExample(withJson(command), 'netport device-ca ls');
}

const columns = (now: number): Column<DeviceAuthorityView>[] => [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'PREFIX', value: ({ prefix }) => prefix },
  { title: 'ADDS PORTALS', value: ({ autoAdd }) => (autoAdd ? 'yes' : 'no') },
  {
    title: 'TRUSTS',
    value: ({ certificates }) =>
      trusted(certificates)
        .map(({ subject }) => subject)
        .join('; '),
  },
  { title: 'EXPIRES', value: ({ certificates }) => relativeTime(firstEnd(trusted(certificates)), now) },
  { title: 'CREATED', value: ({ createdAt }) => relativeTime(createdAt, now) },
];

type Certificates = DeviceAuthorityView['certificates'];

const trusted = (certificates: Certificates): Certificates => certificates.filter(({ anchor }) => anchor);

const firstEnd = (certificates: Certificates): string => certificates.map(({ notAfter }) => notAfter).sort()[0] ?? '';
