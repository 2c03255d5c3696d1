import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { adminAdd } from './add.js';
import { adminLs } from './ls.js';
import { adminRm } from './rm.js';
import { adminSet } from './set.js';

export function adminCommands(program: Command, cli: Cli): void {
  const group = program.command('admin').description('manage local admins: people who sign in with a password');
  for (const add of [adminAdd, adminLs, adminSet, adminRm]) add(group, cli);
}
