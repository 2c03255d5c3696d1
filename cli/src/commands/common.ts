import type { ApiEndpoint, endpoints, Name } from '@netport/protocol';
import type { Command } from 'commander';
import { nameArgument } from '../arguments.js';
import { type Cli, connect, type JsonOption, print, printList, withExample, withJson } from '../cli.js';
import type { ItemOf } from '../client.js';
import type { Column } from '../output/table.js';

/** A kind of thing that has a name, and may be removed. */
type Removable = 'localAdmin' | 'deviceAuthority' | 'portal' | 'relay' | 'pair' | 'apiToken';

interface Removal {
  description: string;
  /** What the name is of. */
  what: string;
  endpoint: (typeof endpoints)[Removable]['remove'];
  /** What to say afterwards. */
  done: (name: Name) => string;
  example: string;
}

/** `rm <name>` of one kind of thing. */
export function addRemoval(group: Command, cli: Cli, { description, what, endpoint, done, example }: Removal): void {
  const command = group
    .command('rm')
    .description(description)
    .argument('<name>', what, nameArgument)
    .action(async (name: Name) => {
      await (await connect(cli)).call(endpoint, { params: { name } });
      print(cli, done(name));
    });
  withExample(command, example);
}

interface Listing<E> {
  description: string;
  endpoint: E;
  /** `now` in milliseconds. */
  columns: (now: number) => readonly Column<ItemOf<E>>[];
  /** What to say, and to do next, when nothing is there. */
  empty: string;
  examples: string[];
}

/** `ls` of one kind of thing. */
export function addListing<E extends ApiEndpoint>(group: Command, cli: Cli, listing: Listing<E>): void {
  const { description, endpoint, columns, empty, examples } = listing;
  const command = group
    .command('ls')
    .description(description)
    .action(async (options: JsonOption) => {
      const items = await (await connect(cli)).list(endpoint);
      printList(cli, items, columns(cli.now()), { ...options, empty });
    });
  withExample(withJson(command), ...examples);
}
