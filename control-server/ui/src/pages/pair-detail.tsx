import { type BodyOf, endpoints, formatEndpoint, type PairView, type Schedule } from '@netport/protocol';
import { useState } from 'preact/hooks';
import { call, inWords } from '../api/client.js';
import { PairState } from '../parts/badge.js';
import { Confirm } from '../parts/dialog.js';
import { Facts } from '../parts/facts.js';
import { Link } from '../parts/link.js';
import { Note } from '../parts/note.js';
import { Page } from '../parts/page.js';
import { Time } from '../parts/time.js';
import { announce } from '../state/announcement.js';
import { navigate } from '../state/location.js';
import { useOne } from '../state/one.js';
import { may, noticeSignedOut } from '../state/session.js';
import { PairForm } from './pair-form.js';

export function PairDetail({ name }: { name: string }) {
  const { value: pair, error, reload } = useOne(endpoints.pair.show, name, 'pairs');
  const [doing, setDoing] = useState<'edit' | 'remove'>();
  const [failed, setFailed] = useState<string>();
  const close = () => setDoing(undefined);

  const change = async (body: BodyOf<typeof endpoints.pair.change>): Promise<void> => {
    setFailed(undefined);
    try {
      await call(endpoints.pair.change, { params: { name }, body });
      reload();
    } catch (thrown) {
      setFailed(inWords(thrown));
      noticeSignedOut(thrown);
    }
  };
  const remove = async (): Promise<void> => {
    await call(endpoints.pair.remove, { params: { name } });
    announce(`${name} is withdrawn.`);
    navigate({ page: 'pairs' });
  };
  return (
    <Page
      title={name}
      tools={
        pair &&
        may('pair.change', pair.owner) && (
          <>
            <button type="button" class="button first" onClick={() => setDoing('edit')}>
              Edit
            </button>
            <button
              type="button"
              class="button"
              onClick={() => void change({ enabled: !pair.enabled }).catch(() => {})}
            >
              {pair.enabled ? 'Disable' : 'Enable'}
            </button>
            <button type="button" class="button danger" onClick={() => setDoing('remove')}>
              Withdraw
            </button>
          </>
        )
      }
    >
      <p>
        <Link to={{ page: 'pairs' }}>← All access pairs</Link>
      </p>
      {(error ?? failed) && <Note tone="bad">{error ?? failed}</Note>}
      {pair && <Shown pair={pair} />}
      {pair && doing === 'edit' && <PairForm pair={pair} onClose={close} onSaved={reload} />}
      {doing === 'remove' && (
        <Confirm title={`Withdraw ${name}?`} action="Withdraw" onConfirm={remove} onClose={close}>
          Its streams end at once, even in the middle of a transfer, and no new one is let through.
        </Confirm>
      )}
    </Page>
  );
}

function Shown({ pair }: { pair: PairView }) {
  const { name, from, to, error } = pair;
  const question = {
    portal: from.portal,
    address: from.address,
    port: String(from.port ?? ''),
    protocol: pair.protocol,
  };
  return (
    <section class="card">
      <div class="card-head">
        <PairState state={pair.state} />
        <span class="row">
          <Link to={{ page: 'explain', query: question }}>Explain</Link>
          <Link to={{ page: 'audit', query: { pair: name } }}>Its audit trail</Link>
        </span>
      </div>
      <div class="card-body stack">
        {error && (
          <Note tone="bad">
            {error.message} <span class="tag">{error.code}</span>
          </Note>
        )}
        <Facts
          facts={[
            ['Listens at', <End end={from} />],
            ['Reaches', <End end={to} />],
            ['Carries', carries(pair)],
            ['Owner', pair.owner],
            ['Reason', pair.reason || '–'],
            ['Expires', <Time at={pair.expiresAt} none="never" />],
            ['Granted', <Time at={pair.createdAt} />],
            ...(pair.schedule ? [['Only during', during(pair.schedule)] as const] : []),
            ...(pair.grant ? [['Made by the document', pair.grant] as const] : []),
          ]}
        />
      </div>
    </section>
  );
}

/** `auto` says nothing: the portals choose. */
export const carries = ({ protocol, transport }: PairView): string =>
  transport === 'auto' ? protocol : `${protocol} over ${transport}`;

const during = ({ days, from, to, timezone }: Schedule): string => `${days.join(', ')} ${from}–${to} (${timezone})`;

const End = ({ end: { portal, ...endpoint } }: { end: PairView['from'] }) => (
  <>
    <Link to={{ page: 'portals', name: portal }}>{portal}</Link> <span class="mono">{formatEndpoint(endpoint)}</span>
  </>
);
