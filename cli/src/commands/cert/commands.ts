import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { certLs } from './ls.js';
import { certRevoke } from './revoke.js';
import { certRotateCa } from './rotate-ca.js';

export function certCommands(program: Command, cli: Cli, fail: () => void): void {
  const group = program.command('cert').description('list and revoke certificates, and replace the root CA');
  certLs(group, cli);
  certRevoke(group, cli);
  certRotateCa(group, cli, fail);
}
