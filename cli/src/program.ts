import { readFileSync } from 'node:fs';
import { asNetportError, NetportError } from '@netport/protocol';
import { Command, CommanderError } from 'commander';
import type { Cli } from './cli.js';
import { adminCommands } from './commands/admin/commands.js';
import { apply } from './commands/apply.js';
import { audit } from './commands/audit.js';
import { certCommands } from './commands/cert/commands.js';
import { deviceCaCommands } from './commands/device-ca/commands.js';
import { diff } from './commands/diff.js';
import { explain } from './commands/explain.js';
import { exportCommand } from './commands/export.js';
import { login } from './commands/login.js';
import { ls } from './commands/ls.js';
import { memberCommands } from './commands/member/commands.js';
import { pairCommands } from './commands/pair/commands.js';
import { tokenCommands } from './commands/token/commands.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Runs one command line, without the name of the program. Resolves with the exit code: 0 ok, 1 failed, 2 usage. */
export async function run(argv: readonly string[], cli: Cli): Promise<number> {
  let code: number | undefined;
  const exit = (chosen: number): void => {
    code = chosen;
  };
  try {
    await createProgram(cli, exit).parseAsync(argv, { from: 'user' });
    return code ?? 0;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    const error = asNetportError(thrown);
    cli.stderr.write(`error: ${error.message} (${error.code})\n${error.help}\n`);
    // Not foreseen, so ours to repair: then the place matters more than a short message.
    if (!(thrown instanceof NetportError) && thrown instanceof Error) cli.stderr.write(`${thrown.stack}\n`);
    return code ?? 1;
  }
}

/** `exit` is for a command whose exit code says more than whether it was carried out. */
function createProgram(cli: Cli, exit: (code: number) => void): Command {
  const fail = (): void => exit(1);
  const program = new Command('netport')
    .description('Manage a Netport network through its control server.')
    .version(version)
    // Before any command is added: commands inherit these.
    .exitOverride()
    .showHelpAfterError('(add --help for the options and an example)')
    .configureOutput({
      writeOut: (text) => cli.stdout.write(text),
      writeErr: (text) => cli.stderr.write(text),
    });
  login(program, cli);
  memberCommands(program, cli, 'portal');
  memberCommands(program, cli, 'relay');
  pairCommands(program, cli);
  apply(program, cli, fail);
  diff(program, cli, exit);
  exportCommand(program, cli);
  explain(program, cli, fail);
  ls(program, cli);
  audit(program, cli);
  certCommands(program, cli, fail);
  deviceCaCommands(program, cli);
  tokenCommands(program, cli);
  adminCommands(program, cli);
  return program;
}
