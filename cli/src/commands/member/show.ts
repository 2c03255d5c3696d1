import { endpoints, type Name, type PortalView, type RelayView } from '@netport/protocol';
import type { Command } from 'commander';
import { nameArgument } from '../../arguments.js';
import { type Cli, connect, type JsonOption, print, printJson, withExample, withJson } from '../../cli.js';
import { absoluteTime, relativeTime } from '../../output/human.js';
import { card, type Entry } from '../../output/table.js';
import { exampleName, type MemberKind } from './kind.js';
import { formatLabels } from './label.js';

export function memberShow(group: Command, cli: Cli, kind: MemberKind): void {
  const command = group
    .command('show')
    .description(`show one ${kind}`)
    .argument('<name>', `the ${kind}`, nameArgument)
    .action(async (name: Name, { json }: JsonOption) => {
      const api = await connect(cli);
      const params = { name };
      const view =
        kind === 'portal'
          ? await api.call(endpoints.portal.show, { params })
          : await api.call(endpoints.relay.show, { params });
      if (json) printJson(cli, view);
      else print(cli, memberCard(view, cli.now()));
    });
  withExample(withJson(command), `netport ${kind} show ${exampleName[kind]}`);
}

function memberCard(view: PortalView | RelayView, now: number): string {
  const when = (iso: string | null) => (iso === null ? 'never' : `${absoluteTime(iso)} (${relativeTime(iso, now)})`);
  return card([
    ['name', view.name],
    ['identity', view.id],
    ['labels', formatLabels(view.labels)],
    ['online', view.online ? 'yes' : 'no'],
    ['last seen', view.online ? 'now' : when(view.lastSeenAt)],
    ['address', view.address],
    ['version', view.version],
    ...own(view),
    ['added', when(view.createdAt)],
    ['certificate ends', view.certificateExpiresAt === null ? 'not enrolled' : when(view.certificateExpiresAt)],
  ]);
}

const own = (view: PortalView | RelayView): Entry[] =>
  'datapath' in view
    ? [
        ['datapath', view.datapathReason === null ? view.datapath : `${view.datapath} (${view.datapathReason})`],
        ['circuits', view.circuits],
        ['capacity', view.capacity],
      ]
    : [['policy version', view.policyVersion]];
