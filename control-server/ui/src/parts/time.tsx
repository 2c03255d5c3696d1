import { formatRelative } from '../model/format.js';
import { now } from '../state/clock.js';

/** A time as its distance from now, with the exact one on demand. */
export function Time({ at, none = '–' }: { at: string | null | undefined; none?: string }) {
  if (!at) return <span class="soft">{none}</span>;
  return (
    <time dateTime={at} title={new Date(at).toLocaleString(undefined, { dateStyle: 'full', timeStyle: 'long' })}>
      {formatRelative(at, now.value)}
    </time>
  );
}

/** The same behind its date: for what ends years from now. */
export const DatedTime = ({ at }: { at: string }) => (
  <>
    {at.slice(0, 10)}, <Time at={at} />
  </>
);
