import { type AuthorityView, rolloverProgress } from '@netport/protocol';
import { type Command, Option } from 'commander';
import { durationArgument } from '../../arguments.js';
import { type Cli, type JsonOption, print, printJson, withExample, withJson } from '../../cli.js';
import { openAuthority } from './authority.js';
import { blockedText, doneText, nextText, statusText } from './rollover-text.js';
import { completeRollover } from './rollover-wait.js';

interface RotateOptions extends JsonOption {
  wait?: boolean;
  timeout?: number;
  status?: boolean;
  force?: boolean;
  cancel?: boolean;
}

const waitDefault = 600_000;

/** `netport cert rotate-ca`: replaces the root CA, a step at a time or all of them. `fail` has it exit with 1. */
export function certRotateCa(group: Command, cli: Cli, fail: () => void): void {
  const command: Command = group
    .command('rotate-ca')
    .description(
      'replace the root CA: publish a new one, re-issue certificates, retire the old one; each run takes a step',
    )
    .addOption(new Option('--wait', 'take all the steps, each as soon as everybody is there').conflicts(alone('wait')))
    .option('--timeout <duration>', 'how long --wait waits: 30s, 10m, 2h (default: 10m)', durationArgument)
    .addOption(new Option('--status', 'only show how far it is').conflicts(alone('status')))
    .addOption(new Option('--force', 'take the next step without those who are not there').conflicts(alone('force')))
    .addOption(new Option('--cancel', 'take a published root back').conflicts(alone('cancel')))
    .action(async (options: RotateOptions) => {
      if (options.timeout !== undefined && !options.wait) command.error('error: --timeout goes with --wait.');
      const { json = false } = options;
      // Programs get one JSON value on standard output.
      const say = (line: string): void => {
        if (json) cli.stderr.write(`${line}\n`);
        else print(cli, line);
      };
      const show = (view: AuthorityView, text: string): void => (json ? printJson(cli, view) : print(cli, text));
      const authority = await openAuthority(cli, say);

      if (options.wait) {
        const signal = cli.interruption();
        const deadline = cli.now() + (options.timeout ?? waitDefault);
        const { ended, view } = await completeRollover(authority, { say, now: cli.now, deadline, signal });
        if (ended === 'done') return show(view, 'The root CA is replaced.');
        fail();
        return show(view, `${ended === 'late' ? 'Gave up waiting' : 'Stopped'}. ${leftText(view)}`);
      }
      if (options.cancel) {
        const view = await authority.step('cancel');
        return show(view, doneText('cancel', view));
      }
      const before = await authority.show();
      if (options.status) return show(before, statusText(before, cli.now()));
      if (!options.force && rolloverProgress(before).waiting.length > 0) {
        fail();
        return show(before, blockedText(before, cli.now()));
      }
      const after = await authority.step(before.next, options.force);
      const next = after.phase === 'stable' ? [] : [nextText(after)];
      show(after, [doneText(before.next, after), ...next].join('\n'));
    });
  withExample(withJson(command), 'netport cert rotate-ca --status', 'netport cert rotate-ca --wait --timeout 30m');
}

const exclusive = ['wait', 'status', 'force', 'cancel'] as const;
const alone = (option: (typeof exclusive)[number]): string[] => exclusive.filter((other) => other !== option);

const leftText = (view: AuthorityView): string =>
  view.phase === 'stable'
    ? 'No root is being replaced.'
    : `Nothing is taken back, the phase stays ${view.phase}: go on with netport cert rotate-ca --wait` +
      `${view.phase === 'published' ? ', or take it back with --cancel' : ''}.`;
