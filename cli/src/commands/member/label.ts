import { type Labels, type Name, NetportError } from '@netport/protocol';
import type { Command } from 'commander';
import { type LabelChange, labelArgument, nameArgument } from '../../arguments.js';
import { type Cli, connect, type JsonOption, print, printJson, withExample, withJson } from '../../cli.js';
import { exampleName, type MemberKind, memberEndpoints } from './kind.js';

/** `site=berlin, camera=`, as `--label` takes each. */
export const formatLabels = (labels: Labels): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');

/** Labels after some were set and others taken away. */
export const changeLabels = (labels: Labels, changes: readonly LabelChange[]): Labels => {
  const result = new Map(Object.entries(labels));
  for (const { key, value } of changes) {
    if (value === undefined) result.delete(key);
    else result.set(key, value);
  }
  return Object.fromEntries(result);
};

export function memberLabel(group: Command, cli: Cli, kind: MemberKind): void {
  const command = group
    .command('label')
    .description(`set labels of a ${kind}, or take them away`)
    .argument('<name>', `the ${kind}`, nameArgument)
    .argument('<labels...>', 'KEY=VALUE sets one, KEY- takes it away', labelArgument)
    .action(async (name: Name, changes: LabelChange[], { json }: JsonOption) => {
      const api = await connect(cli);
      const { show, change } = memberEndpoints(kind);
      const { labels: before } = await api.call(show, { params: { name } });
      const absent = changes.find(({ key, value }) => value === undefined && !Object.hasOwn(before, key));
      if (absent) throw new NetportError('not_found', `${kind} ${name} has no label ${absent.key}`);
      const view = await api.call(change, { params: { name }, body: { labels: changeLabels(before, changes) } });
      if (json) printJson(cli, view);
      else print(cli, `Labels of ${name}: ${formatLabels(view.labels) || 'none'}.`);
    });
  withExample(withJson(command), `netport ${kind} label ${exampleName[kind]} site=berlin old-`);
}
