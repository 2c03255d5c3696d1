import { type AuthorityView, endpoints, type RolloverStep, rolloverProgress } from '@netport/protocol';
import { call } from '../api/client.js';
import { formatCount } from '../model/format.js';
import { stepWords } from '../model/rollover.js';
import { Confirm } from '../parts/dialog.js';
import { Note } from '../parts/note.js';
import { announce } from '../state/announcement.js';

interface RolloverDialogProps {
  view: AuthorityView;
  step: RolloverStep;
  onDone: () => void;
  onClose: () => void;
}

/** More names than this help nobody: the table has all. */
const namedMax = 20;

/** Says what a step does and whom it leaves behind, then takes it. */
export function RolloverDialog({ view, step, onDone, onClose }: RolloverDialogProps) {
  const { action, effect, cost, done } = stepWords[step];
  const { waiting } = rolloverProgress(view);
  const left = cost === undefined ? [] : waiting;
  const force = left.length > 0;
  const take = async (): Promise<void> => {
    await call(endpoints.authority.rollover, { body: { step, force } });
    announce(done);
    onDone();
  };
  return (
    <Confirm title={`${action}?`} action={action} {...(force && { typed: step })} onConfirm={take} onClose={onClose}>
      <div class="stack">
        <p>{effect}</p>
        {force && (
          <Note tone="warn">
            <b>Not there yet: {formatCount(left.length)}.</b> {cost}
            <ul>
              {left.slice(0, namedMax).map(({ kind, name, online }) => (
                <li key={`${kind}/${name}`}>
                  {kind} {name}
                  {!online && ', offline'}
                </li>
              ))}
              {left.length > namedMax && <li>and {formatCount(left.length - namedMax)} more</li>}
            </ul>
          </Note>
        )}
      </div>
    </Confirm>
  );
}
