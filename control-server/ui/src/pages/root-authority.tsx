import { type AuthorityView, limits, type RolloverStep, type RootView, rolloverProgress } from '@netport/protocol';
import { useState } from 'preact/hooks';
import { formatCount } from '../model/format.js';
import { currentStage, stages, stepWords } from '../model/rollover.js';
import { Badge } from '../parts/badge.js';
import { Note } from '../parts/note.js';
import { Card } from '../parts/page.js';
import { type Column, Table } from '../parts/table.js';
import { DatedTime, Time } from '../parts/time.js';
import { useAuthority } from '../state/authority.js';
import { now } from '../state/clock.js';
import { may } from '../state/session.js';
import { RolloverDialog } from './rollover-dialog.js';
import { RolloverMembers } from './rollover-members.js';

/** The root CA, and one taking the place of another. */
export function RootAuthority() {
  const { view, error, reload } = useAuthority();
  const [asked, setAsked] = useState<RolloverStep>();
  return (
    <>
      <Card title="Root CA" tools={view && may('authority.rollover') && <Steps view={view} onAsk={setAsked} />}>
        <div class="card-body stack">
          {error && <Note tone="bad">{error}</Note>}
          {view ? <Rollover view={view} /> : !error && <p class="soft">Loading …</p>}
        </div>
        {view && (
          <Table caption="Root CAs" columns={rootColumns} items={view.roots} keyOf={(root) => root.fingerprint} />
        )}
      </Card>
      {view && <RolloverMembers view={view} />}
      {view && asked && <RolloverDialog view={view} step={asked} onDone={reload} onClose={() => setAsked(undefined)} />}
    </>
  );
}

/** The buttons. One that has to wait for somebody asks for more than a click. */
function Steps({
  view: { next, phase, waitingFor },
  onAsk,
}: {
  view: AuthorityView;
  onAsk: (step: RolloverStep) => void;
}) {
  const waits = waitingFor.length > 0;
  return (
    <div class="row">
      {phase === 'published' && (
        <button type="button" class="button" onClick={() => onAsk('cancel')}>
          {stepWords.cancel.action}
        </button>
      )}
      <button type="button" class={`button ${waits ? 'danger' : 'first'}`} onClick={() => onAsk(next)}>
        {waits ? `${stepWords[next].action} without ${formatCount(waitingFor.length)}` : stepWords[next].action}
      </button>
    </div>
  );
}

function Rollover({ view }: { view: AuthorityView }) {
  const { phase, since, roots } = view;
  const current = currentStage(view);
  if (current === undefined) {
    const expiring = roots.some(({ notAfter }) => Date.parse(notAfter) - now.value < limits.rootExpiryWarning);
    return expiring ? (
      <Note tone="warn">
        <b>The root CA expires soon.</b> Publish a new one now: nothing is interrupted while it takes over.
      </Note>
    ) : (
      <p class="soft">Every certificate comes from it. It can be replaced step by step, with nothing interrupted.</p>
    );
  }
  const { there, total } = rolloverProgress(view);
  const what = phase === 'published' ? 'trust both roots' : 'have a certificate from the new root';
  return (
    <>
      <ol class="stages" aria-label="Replacing the root CA" data-phase={phase}>
        {stages.map((stage, index) => (
          <li key={stage} class={index < current ? 'done' : ''} aria-current={index === current ? 'step' : undefined}>
            {stage}
            {index < current && <span class="unseen">, done</span>}
          </li>
        ))}
      </ol>
      <div class="progress">
        <p role="status">
          {formatCount(there)} of {formatCount(total)} portals and relays {what}.
        </p>
        <progress
          max={Math.max(total, 1)}
          value={total === 0 ? 1 : there}
          aria-label="Portals and relays that are there"
        />
        <p class="soft small">
          In this phase since <Time at={since} />.
        </p>
      </div>
    </>
  );
}

const tones = { current: 'ok', next: 'warn', retiring: 'off' } as const satisfies Record<RootView['state'], string>;

const rootColumns: Column<RootView>[] = [
  { title: 'State', cell: ({ state }) => <Badge tone={tones[state]}>{state}</Badge> },
  { title: 'Made', kind: 'hard', cell: ({ notBefore }) => <Time at={notBefore} /> },
  {
    title: 'Expires',
    kind: 'hard',
    cell: ({ notAfter }) => <DatedTime at={notAfter} />,
  },
  { title: 'SHA-256', cell: ({ fingerprint }) => <span class="mono small">{fingerprint}</span> },
];
