import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { certLs } from './ls.js';
import { certRevoke } from './revoke.js';

export function certCommands(program: Command, cli: Cli): void {
  const group = program.command('cert').description('list and revoke certificates');
  certLs(group, cli);
  certRevoke(group, cli);
}
