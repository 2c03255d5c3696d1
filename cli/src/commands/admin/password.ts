import { type KeptLocalAdmin, limits, NetportError } from '@netport/protocol';
import { type Cli, print, printJson } from '../../cli.js';

export const stdinOption = [
  '--password-stdin',
  'read the password from standard input, so that no process list shows it',
] as const;

/** The first line of standard input. */
export async function readPassword(cli: Cli): Promise<string> {
  let text = '';
  for await (const chunk of cli.stdin) {
    text += chunk;
    if (text.length > limits.passwordMax * 4)
      throw new NetportError('too_large', 'standard input holds more than a password');
  }
  const [line = ''] = text.split(/\r?\n/);
  if (line.length >= limits.passwordMin && line.length <= limits.passwordMax) return line;
  throw new NetportError('invalid_request', `a password has ${limits.passwordMin} to ${limits.passwordMax} characters`);
}

/** What was done, and the one time that a password which the server made can be read. */
export function printAdmin(cli: Cli, what: string, answer: KeptLocalAdmin, json = false): void {
  if (json) printJson(cli, answer);
  else if (answer.password === undefined) print(cli, what);
  else print(cli, `${what} The password is shown this once:\n\n  ${answer.password}\n`);
}
