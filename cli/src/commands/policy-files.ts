import { endpoints, type PolicyAnswer } from '@netport/protocol';
import type { Command } from 'commander';
import { type Cli, connect, type JsonOption } from '../cli.js';
import { readDocuments } from '../documents/read.js';
import { readSources } from '../documents/sources.js';

export interface FileOptions extends JsonOption {
  file: string[];
  prune?: boolean;
}

/** The options that `apply` and `diff` share. */
export const withFiles = (command: Command): Command =>
  command
    .requiredOption(
      '-f, --file <file>',
      'a file or directory of documents (YAML or JSON), or - for standard input; may be repeated',
      (file: string, files: string[] = []) => [...files, file],
    )
    .option('--prune', 'withdraw what earlier applies made and these files do not name; never portals');

export interface PolicyFiles {
  diff(): Promise<PolicyAnswer>;
  /** With the revision of a diff, only if nothing has changed since. */
  apply(revision?: number): Promise<PolicyAnswer>;
}

/** The files' documents before the server; what it refuses is told with its place in a file. */
export async function policyFiles(cli: Cli, { file, prune = false }: FileOptions): Promise<PolicyFiles> {
  const { documents, placed } = readDocuments(await readSources(file, cli.stdin));
  const api = await connect(cli);
  const ask = async (endpoint: typeof endpoints.policy.diff | typeof endpoints.policy.apply, revision?: number) => {
    try {
      return await api.call(endpoint, { body: { documents, prune, ...(revision !== undefined && { revision }) } });
    } catch (thrown) {
      throw placed(thrown);
    }
  };
  return {
    diff: () => ask(endpoints.policy.diff),
    apply: (revision) => ask(endpoints.policy.apply, revision),
  };
}

export const hasChanges = ({ changes }: PolicyAnswer): boolean => changes.some(({ action }) => action !== 'unchanged');
