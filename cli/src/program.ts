import { readFileSync } from 'node:fs';
import { asNetportError, NetportError } from '@netport/protocol';
import { Command, CommanderError } from 'commander';
import type { Cli } from './cli.js';
import { audit } from './commands/audit.js';
import { certCommands } from './commands/cert/commands.js';
import { explain } from './commands/explain.js';
import { login } from './commands/login.js';
import { ls } from './commands/ls.js';
import { memberCommands } from './commands/member/commands.js';
import { pairCommands } from './commands/pair/commands.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Runs one command line, without the name of the program. Resolves with the exit code: 0 ok, 1 failed, 2 usage. */
export async function run(argv: readonly string[], cli: Cli): Promise<number> {
  try {
    let code = 0;
    const fail = (): void => {
      code = 1;
    };
    await createProgram(cli, fail).parseAsync(argv, { from: 'user' });
    return code;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    const error = asNetportError(thrown);
    cli.stderr.write(`error: ${error.message} (${error.code})\n${error.help}\n`);
    // Not foreseen, so ours to repair: then the place matters more than a short message.
    if (!(thrown instanceof NetportError) && thrown instanceof Error) cli.stderr.write(`${thrown.stack}\n`);
    return 1;
  }
}

/** `fail` is for a command that did its work, and has bad news. */
function createProgram(cli: Cli, fail: () => void): Command {
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
  explain(program, cli, fail);
  ls(program, cli);
  audit(program, cli);
  certCommands(program, cli);
  return program;
}
