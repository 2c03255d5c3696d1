import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { pairAdd } from './add.js';
import { pairEdit } from './edit.js';
import { pairLs } from './ls.js';
import { pairRm } from './rm.js';
import { pairShow } from './show.js';
import { pairSwitch } from './switch.js';

export function pairCommands(program: Command, cli: Cli): void {
  const group = program.command('pair').description('manage access pairs: who may reach what');
  for (const add of [pairAdd, pairLs, pairShow, pairEdit, pairRm]) add(group, cli);
  pairSwitch(group, cli, 'enable');
  pairSwitch(group, cli, 'disable');
}
