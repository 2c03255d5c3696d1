import type { Command } from 'commander';
import { type Cli, print, printJson, withExample, withJson } from '../cli.js';
import { changesText } from '../output/changes.js';
import { type FileOptions, hasChanges, policyFiles, withFiles } from './policy-files.js';

/** `netport diff`: what an apply would change, in its exit code, too. `exit` sets that code. */
export function diff(program: Command, cli: Cli, exit: (code: number) => void): void {
  const command = withFiles(program.command('diff'))
    .description(
      'show what applying documents would change; exits with 0 when nothing would, 1 when something would, ' +
        '2 when the documents would be refused or cannot be compared',
    )
    .action(async (options: FileOptions) => {
      // Until it is known that all is well: 1 has a meaning of its own here.
      exit(2);
      const answer = await (await policyFiles(cli, options)).diff();
      if (options.json) printJson(cli, answer);
      else print(cli, changesText(answer));
      if (answer.tests.every(({ passed }) => passed)) exit(hasChanges(answer) ? 1 : 0);
    });
  withExample(withJson(command), 'netport diff -f policies/', 'netport diff -f policies/ --prune --json');
}
