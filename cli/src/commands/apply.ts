import { createInterface } from 'node:readline/promises';
import type { PolicyAnswer } from '@netport/protocol';
import type { Command } from 'commander';
import { type Cli, print, printJson, withExample, withJson } from '../cli.js';
import { changesText } from '../output/changes.js';
import { type FileOptions, hasChanges, policyFiles, withFiles } from './policy-files.js';

interface ApplyOptions extends FileOptions {
  yes?: boolean;
  dryRun?: boolean;
}

/** `netport apply`: documents out of files, all of them or none. `fail` has the command exit with 1. */
export function apply(program: Command, cli: Cli, fail: () => void): void {
  const command = withFiles(program.command('apply'))
    .description('apply documents: show what changes, check their tests, then do all of it or nothing')
    .option('--yes', 'do not ask; on a terminal it is asked before anything changes')
    .option('--dry-run', 'only show what would change; exits with 1 when a test would fail')
    .action(async (options: ApplyOptions) => {
      const files = await policyFiles(cli, options);
      const show = (answer: PolicyAnswer) => !options.json && print(cli, changesText(answer));
      if (options.dryRun) {
        const difference = await files.diff();
        if (options.json) printJson(cli, difference);
        show(difference);
        if (difference.tests.some(({ passed }) => !passed)) fail();
        return;
      }
      // Where nobody is to see it first, one request says and does it all.
      const asked = !options.yes && isTerminal(cli) ? await files.diff() : undefined;
      if (asked) show(asked);
      if (asked && hasChanges(asked) && !(await confirmed(cli))) {
        cli.stderr.write('Nothing was applied.\n');
        fail();
        return;
      }
      const answer = await files.apply(asked?.revision);
      if (!asked) show(answer);
      if (options.json) printJson(cli, answer);
      else if (hasChanges(answer)) print(cli, ['Applied.', ...nextSteps(answer)].join('\n'));
    });
  withExample(
    withJson(command),
    'netport apply -f policy.yaml',
    'netport apply -f policies/ --prune --yes',
    'netport export | netport apply -f -',
  );
}

/** Only people at a terminal are asked: a script has said all that it wants. */
const isTerminal = ({ stdin }: Cli): boolean => 'isTTY' in stdin && stdin.isTTY === true;

async function confirmed({ stdin, stderr }: Cli): Promise<boolean> {
  const questions = createInterface({ input: stdin, output: stderr });
  try {
    return /^y(?:es)?$/i.test((await questions.question('Apply this? [y/N] ')).trim());
  } finally {
    questions.close();
  }
}

const nextSteps = ({ changes }: PolicyAnswer): string[] =>
  changes
    .filter(({ action, kind }) => action === 'create' && kind === 'Portal')
    .map(({ name }) => `The portal ${name} is new: netport portal token ${name} makes its join token.`);
