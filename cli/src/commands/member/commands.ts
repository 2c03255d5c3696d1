import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { memberAdd } from './add.js';
import type { MemberKind } from './kind.js';
import { memberLabel } from './label.js';
import { memberLs } from './ls.js';
import { memberRm } from './rm.js';
import { memberShow } from './show.js';
import { memberToken } from './token.js';

export function memberCommands(program: Command, cli: Cli, kind: MemberKind): void {
  const group = program.command(kind).description(`manage ${kind}s`);
  for (const add of [memberAdd, memberLs, memberShow, memberLabel, memberRm, memberToken]) add(group, cli, kind);
}
