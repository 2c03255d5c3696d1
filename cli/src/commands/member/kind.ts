import { endpoints, type NewToken } from '@netport/protocol';
import { type Cli, print, printJson } from '../../cli.js';
import { absoluteTime, relativeTime } from '../../output/human.js';

/** Portals and relays are managed alike. */
export type MemberKind = 'portal' | 'relay';

export const memberEndpoints = (kind: MemberKind) => endpoints[kind];

/** A name of each kind, for help texts. */
export const exampleName = { portal: 'laptop', relay: 'relay-1' } as const;

const joinCommand = {
  portal: (token: string) => `netport-portal run --data DIR --join ${token}`,
  relay: (token: string) => `netport-relay run --data DIR --address PUBLIC_IP_OR_NAME --join ${token}`,
};

/** The one time that a join token can be read: for people, as the command to run. */
export function printToken(cli: Cli, kind: MemberKind, what: string, answer: NewToken, json = false): void {
  const { name, token, expiresAt } = answer;
  if (json) {
    printJson(cli, { name, token, expiresAt });
    return;
  }
  const until = `${absoluteTime(expiresAt)}, ${relativeTime(expiresAt, cli.now())}`;
  const task = `On its machine, run this; the token works once and expires at ${until}:`;
  print(cli, `${what} ${task}\n\n  ${joinCommand[kind](token)}\n`);
}
