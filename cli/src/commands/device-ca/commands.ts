import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { deviceCaAdd } from './add.js';
import { deviceCaLs } from './ls.js';
import { deviceCaRm } from './rm.js';

export function deviceCaCommands(program: Command, cli: Cli): void {
  const group = program
    .command('device-ca')
    .description(
      'manage device authorities: manufacturers whose devices enrol with the certificate that they were made with',
    );
  for (const add of [deviceCaAdd, deviceCaLs, deviceCaRm]) add(group, cli);
}
