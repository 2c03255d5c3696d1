import type { AuditEventView, ChainBreak } from '@netport/protocol';
import { useEffect, useState } from 'preact/hooks';
import { chainBreaks } from '../model/chain.js';
import { formatCount } from '../model/format.js';
import { Note } from '../parts/note.js';

interface ChainStateProps {
  events: readonly AuditEventView[] | undefined;
  filtered: boolean;
}

/** Whether the events shown are as they were written: this browser hashes them again, and takes nobody's word. */
export function ChainState({ events, filtered }: ChainStateProps) {
  const [breaks, setBreaks] = useState<readonly ChainBreak[]>();
  useEffect(() => {
    let current = true;
    setBreaks(undefined);
    if (events && events.length > 0) {
      chainBreaks(events, filtered)
        .then((found) => current && setBreaks(found))
        .catch(() => {});
    }
    return () => {
      current = false;
    };
  }, [events, filtered]);
  if (!events || !breaks) return null;
  if (breaks.length > 0) {
    return (
      <Note tone="bad">
        <b>The audit trail was changed behind the server.</b>
        <ul data-chain="broken">
          {breaks.map(({ id, why }) => (
            <li key={id}>
              Event {id}: {why}.
            </li>
          ))}
        </ul>
      </Note>
    );
  }
  return (
    <p class="soft small" data-chain="whole">
      ✓ {formatCount(events.length)} events shown, each as it was written{!filtered && ', in an unbroken chain'}:
      checked in this browser. <code>netport audit verify</code> checks them all.
    </p>
  );
}
