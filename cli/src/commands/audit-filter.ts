import { type AuditFilter, parseDuration, timestampSchema } from '@netport/protocol';
import { type Command, InvalidArgumentError } from 'commander';

/** A time, or how long ago. */
type Moment = { at: string } | { ago: number };

export interface FilterOptions extends Omit<AuditFilter, 'since' | 'until'> {
  since?: Moment;
  until?: Moment;
}

function momentArgument(text: string): Moment {
  if (timestampSchema.safeParse(text).success) return { at: text };
  try {
    return { ago: parseDuration(text) };
  } catch {
    throw new InvalidArgumentError(`"${text}" is neither a time (2030-01-31T12:00:00Z) nor a duration (2h, 7d).`);
  }
}

/** The options that choose events. */
export const withFilter = (command: Command): Command =>
  command
    .option('--since <time>', 'only from this time on: 2030-01-31T12:00:00Z, or 2h for two hours ago', momentArgument)
    .option('--until <time>', 'only before this time', momentArgument)
    .option('--portal <name>', 'only what this portal did, was done to, or is part of')
    .option('--pair <name>', 'only this access pair and its streams')
    .option('--code <code>', 'only with this error code, or ok for those without')
    .option('--action <action>', 'only this action, such as pair.add or stream.end')
    .option('--subject <name>', 'only what was done to this portal, relay, pair or token')
    .option('--stream <id>', 'only this stream');

/** What is asked of the server; `now` in milliseconds. */
export function filterOf(
  { since, until, portal, pair, code, action, subject, stream }: FilterOptions,
  now: number,
): AuditFilter {
  const time = (moment: Moment | undefined): string | undefined =>
    moment && ('at' in moment ? moment.at : new Date(now - moment.ago).toISOString());
  return { since: time(since), until: time(until), portal, pair, code, action, subject, stream };
}
