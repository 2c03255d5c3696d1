import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { tokenAdd } from './add.js';
import { tokenLs } from './ls.js';
import { tokenRm } from './rm.js';

export function tokenCommands(program: Command, cli: Cli): void {
  const group = program.command('token').description('manage API tokens: what programs show the control server');
  for (const add of [tokenAdd, tokenLs, tokenRm]) add(group, cli);
}
