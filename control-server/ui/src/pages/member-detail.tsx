import { endpoints, type NewToken, type PortalView, type RelayView } from '@netport/protocol';
import { useState } from 'preact/hooks';
import { call, inWords } from '../api/client.js';
import { formatCount } from '../model/format.js';
import { Labels, Presence } from '../parts/badge.js';
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
import { JoinDialog, type MemberKind } from './add-member.js';
import { EditLabels } from './edit-labels.js';

export function MemberDetail({ kind, name }: { kind: MemberKind; name: string }) {
  const { value, error, reload } = useOne(endpoints[kind].show, name, `${kind}s`);
  const [asking, setAsking] = useState<'label' | 'remove' | 'revoke'>();
  const [joining, setJoining] = useState<NewToken>();
  const [failed, setFailed] = useState<string>();
  const params = { name };

  const makeToken = async (): Promise<void> => {
    try {
      setJoining(await call(endpoints[kind].token, { params, body: {} }));
    } catch (thrown) {
      setFailed(inWords(thrown));
      noticeSignedOut(thrown);
    }
  };
  const remove = async (): Promise<void> => {
    await call(endpoints[kind].remove, { params });
    announce(`${name} is removed.`);
    navigate({ page: `${kind}s` });
  };
  return (
    <Page
      title={name}
      tools={
        <>
          {may(`${kind}.change`) && (
            <button type="button" class="button" disabled={!value} onClick={() => setAsking('label')}>
              Edit labels
            </button>
          )}
          {may(`${kind}.token`) && (
            <button type="button" class="button" onClick={() => void makeToken().catch(() => {})}>
              New join token
            </button>
          )}
          {may(`${kind}.revoke`) && (
            <button type="button" class="button danger" onClick={() => setAsking('revoke')}>
              Revoke
            </button>
          )}
          {may(`${kind}.remove`) && (
            <button type="button" class="button danger" onClick={() => setAsking('remove')}>
              Remove
            </button>
          )}
        </>
      }
    >
      <p>
        <Link to={{ page: `${kind}s` }}>← All {kind}s</Link>
      </p>
      {(error ?? failed) && <Note tone="bad">{error ?? failed}</Note>}
      {value && (
        <section class="card">
          <div class="card-head">
            <Presence online={value.online} />
            {kind === 'portal' && (
              <span class="row">
                <Link to={{ page: 'explain', query: { portal: name } }}>Explain a connection</Link>
                <Link to={{ page: 'audit', query: { portal: name } }}>Its audit trail</Link>
              </span>
            )}
          </div>
          <div class="card-body">
            <Facts facts={[...commonFacts(value), ...('datapath' in value ? relayFacts(value) : portalFacts(value))]} />
          </div>
        </section>
      )}
      {asking === 'label' && value && (
        <EditLabels {...{ kind, name }} labels={value.labels} onSaved={reload} onClose={() => setAsking(undefined)} />
      )}
      {asking === 'remove' && (
        <Confirm title={`Remove ${name}?`} action="Remove" onConfirm={remove} onClose={() => setAsking(undefined)}>
          Its certificates are revoked and its sessions end at once
          {kind === 'portal' && ', and every access pair that it is part of is withdrawn'}.
        </Confirm>
      )}
      {asking === 'revoke' && (
        <Confirm
          title={`Revoke the certificates of ${name}?`}
          action="Revoke"
          onConfirm={() => call(endpoints[kind].revoke, { params })}
          onClose={() => setAsking(undefined)}
        >
          Its sessions and tunnels end at once. A new join token lets it come back; its access pairs stay.
        </Confirm>
      )}
      {joining && <JoinDialog kind={kind} joining={joining} onClose={() => setJoining(undefined)} />}
    </Page>
  );
}

const commonFacts = (member: PortalView | RelayView) =>
  [
    ['Identity', <span class="mono">{member.id}</span>],
    ['Address', <span class="mono">{member.address ?? '–'}</span>],
    ['Version', member.version ?? '–'],
    ['Labels', <Labels labels={member.labels} none="none" />],
    ['Last seen', <Time at={member.lastSeenAt} none="never" />],
    ['Added', <Time at={member.createdAt} />],
    ['Certificate expires', <Time at={member.certificateExpiresAt} none="not enrolled" />],
  ] as const;

const portalFacts = ({ policyVersion }: PortalView) => [['Policy in force', policyVersion ?? 'none yet'] as const];

const relayFacts = ({ circuits, capacity, datapath, datapathReason }: RelayView) =>
  [
    ['Circuits', `${formatCount(circuits)}${capacity === null ? '' : ` of ${formatCount(capacity)}`}`],
    ['Forwards in', datapath === 'xdp' ? 'the kernel (xdp)' : (datapath ?? '–')],
    ...(datapathReason ? [['Not in the kernel because', datapathReason] as const] : []),
  ] as const;
