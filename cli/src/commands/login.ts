import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { endpoints, NetportError } from '@netport/protocol';
import type { Command } from 'commander';
import { type Cli, print, withExample } from '../cli.js';
import { createApi } from '../client.js';
import { checkToken, parseServerUrl, readCa, storeCredentials } from '../credentials.js';
import { printable } from '../output/table.js';

interface LoginOptions {
  ca?: string;
  token?: string;
  tokenFile?: string;
}

/** An admin token is 47 characters; whatever is longer than this is something else. */
const tokenTextMax = 4096;

export function login(program: Command, cli: Cli): void {
  const command: Command = program
    .command('login')
    .description('check an admin token with a control server, then remember both')
    .argument('<url>', 'the control server, such as https://control.example:8443')
    .option('--ca <file>', 'its root CA: root.pem of its data directory (or NETPORT_CA)')
    .option('--token <token>', 'the admin token, or - to read it from standard input (or NETPORT_TOKEN)')
    .option('--token-file <file>', 'read the admin token from a file, so that no process list shows it')
    .action(async (address: string, options: LoginOptions) => {
      const url = parseServerUrl(address);
      const caFile = options.ca ?? cli.env.NETPORT_CA;
      if (!caFile) command.error('error: give --ca FILE, the root.pem of the data directory of the control server');
      const ca = await readCa(caFile);
      const text = await tokenText(cli, options);
      if (text === undefined) command.error('error: give --token TOKEN, --token - or --token-file FILE');
      const credentials = { url, ca, token: checkToken(text) };
      const who = await createApi(credentials).call(endpoints.whoami, {});
      const path = await storeCredentials(cli.env, credentials);
      const where = `trust domain ${who.trustDomain}, version ${who.version}`;
      print(cli, printable(`Logged in to ${url} as ${who.actor}, ${who.role} (${where}). Kept in ${path}.`));
    });
  withExample(
    command,
    'netport login https://control.example:8443 --ca root.pem --token-file admin-token',
    'ssh control cat /var/lib/netport/admin-token | netport login https://control.example:8443 --ca root.pem --token -',
  );
}

async function tokenText(cli: Cli, { token, tokenFile }: LoginOptions): Promise<string | undefined> {
  if (tokenFile !== undefined) {
    try {
      return await readFile(tokenFile, 'utf8');
    } catch (cause) {
      throw new NetportError('invalid_request', `cannot read the token: ${(cause as Error).message}`, { cause });
    }
  }
  return token === '-' ? readAll(cli.stdin) : (token ?? cli.env.NETPORT_TOKEN);
}

async function readAll(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    text += chunk;
    if (text.length > tokenTextMax) throw new NetportError('too_large', 'standard input holds more than a token');
  }
  return text;
}
