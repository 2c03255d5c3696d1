import { endpoints, formatSchedule, type Name, type PairView } from '@netport/protocol';
import type { Command } from 'commander';
import { nameArgument } from '../../arguments.js';
import { type Cli, connect, type JsonOption, print, printJson, withExample, withJson } from '../../cli.js';
import { absoluteTime, relativeTime } from '../../output/human.js';
import { card } from '../../output/table.js';
import { formatPairSide, pairError } from './format.js';

export function pairShow(group: Command, cli: Cli): void {
  const command = group
    .command('show')
    .description('show one access pair')
    .argument('<name>', 'the access pair', nameArgument)
    .action(async (name: Name, { json }: JsonOption) => {
      const pair = await (await connect(cli)).call(endpoints.pair.show, { params: { name } });
      if (json) printJson(cli, pair);
      else print(cli, pairCard(pair, cli.now()));
    });
  withExample(withJson(command), 'netport pair show web');
}

function pairCard(pair: PairView, now: number): string {
  const when = (iso: string) => `${absoluteTime(iso)} (${relativeTime(iso, now)})`;
  return card([
    ['name', pair.name],
    ['id', pair.id],
    ['state', pair.state],
    ['error', pairError(pair)],
    ['protocol', pair.protocol],
    ['transport', pair.transport],
    ['from', formatPairSide(pair.from)],
    ['to', formatPairSide(pair.to)],
    ['owner', pair.owner],
    ['reason', pair.reason],
    ['revision', pair.revision],
    ['added', when(pair.createdAt)],
    ['document', pair.grant],
    ['schedule', pair.schedule ? formatSchedule(pair.schedule) : 'always'],
    ['expires', pair.expiresAt ? when(pair.expiresAt) : 'never'],
  ]);
}
