import { endpoints, type PortalView, type RelayView } from '@netport/protocol';
import type { Command } from 'commander';
import { type Cli, connect, type JsonOption, printList, withExample, withJson } from '../../cli.js';
import { relativeTime } from '../../output/human.js';
import type { Column } from '../../output/table.js';
import type { MemberKind } from './kind.js';

export function memberLs(group: Command, cli: Cli, kind: MemberKind): void {
  const command = group
    .command('ls')
    .description(`list ${kind}s`)
    .action(async (options: JsonOption) => {
      const api = await connect(cli);
      const empty = `No ${kind}s yet. Add one: netport ${kind} add NAME`;
      const common = memberColumns(cli.now());
      if (kind === 'portal') {
        printList<PortalView>(cli, await api.list(endpoints.portal.list), common, { ...options, empty });
      } else {
        const columns = [...common, ...relayColumns];
        printList<RelayView>(cli, await api.list(endpoints.relay.list), columns, { ...options, empty });
      }
    });
  withExample(
    withJson(command),
    `netport ${kind} ls`,
    `netport ${kind} ls --json | jq -r '.[] | select(.online) | .name'`,
  );
}

const memberColumns = (now: number): Column<PortalView | RelayView>[] => [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'ONLINE', value: ({ online }) => (online ? 'yes' : 'no') },
  {
    title: 'LAST SEEN',
    value: ({ online, lastSeenAt }) => (online ? 'now' : lastSeenAt ? relativeTime(lastSeenAt, now) : 'never'),
  },
  { title: 'ADDRESS', value: ({ address }) => address },
  { title: 'VERSION', value: ({ version }) => version },
  { title: 'CERTIFICATE ENDS', value: ({ certificateExpiresAt }) => relativeTime(certificateExpiresAt, now) },
];

const relayColumns: Column<RelayView>[] = [
  { title: 'DATAPATH', value: ({ datapath }) => datapath },
  { title: 'CIRCUITS', value: ({ circuits, capacity }) => (capacity === null ? circuits : `${circuits}/${capacity}`) },
];
