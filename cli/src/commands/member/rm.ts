import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { addRemoval } from '../common.js';
import { exampleName, type MemberKind, memberEndpoints } from './kind.js';

const consequence = {
  portal: 'Its certificates are revoked, its access pairs are gone.',
  relay: 'Its certificates are revoked; circuits over it move to other relays.',
};

export const memberRm = (group: Command, cli: Cli, kind: MemberKind): void =>
  addRemoval(group, cli, {
    description: `remove a ${kind}: revoke its certificates and end its sessions`,
    what: `the ${kind}`,
    endpoint: memberEndpoints(kind).remove,
    done: (name) => `Removed ${kind} ${name}. ${consequence[kind]}`,
    example: `netport ${kind} rm ${exampleName[kind]}`,
  });
