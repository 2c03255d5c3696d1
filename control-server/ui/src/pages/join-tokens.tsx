import { endpoints, type TokenView } from '@netport/protocol';
import { useState } from 'preact/hooks';
import { call } from '../api/client.js';
import { TokenState } from '../parts/badge.js';
import { Confirm } from '../parts/dialog.js';
import { type Column, Table } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { useList } from '../state/list.js';
import { may } from '../state/session.js';
import type { MemberKind } from './add-member.js';

/** Join tokens that still work: each could bring in one machine. */
export function JoinTokens({ kind }: { kind: MemberKind }) {
  const list = useList(endpoints.token.list, { on: ['tokens', `${kind}s`] });
  const [withdrawing, setWithdrawing] = useState<TokenView>();
  const open = list.items?.filter((token) => token.kind === kind && token.state === 'open') ?? [];
  const columns: Column<TokenView>[] = [
    { title: 'For', cell: ({ name }) => name },
    { title: 'State', cell: ({ state }) => <TokenState state={state} /> },
    { title: 'Made', kind: 'hard', cell: ({ createdAt }) => <Time at={createdAt} /> },
    { title: 'Expires', kind: 'hard', cell: ({ expiresAt }) => <Time at={expiresAt} /> },
    {
      title: 'Actions',
      kind: 'actions',
      cell: (token) =>
        may('token.remove') && (
          <button type="button" class="button plain danger" onClick={() => setWithdrawing(token)}>
            Withdraw
          </button>
        ),
    },
  ];
  return (
    <>
      {open.length > 0 && (
        <section class="card">
          <div class="card-head">
            <h2>Open join tokens</h2>
          </div>
          <Table caption="Open join tokens" columns={columns} items={open} keyOf={({ id }) => id} />
        </section>
      )}
      {withdrawing && (
        <Confirm
          title={`Withdraw the join token of ${withdrawing.name}?`}
          action="Withdraw"
          onConfirm={() => call(endpoints.token.remove, { params: { id: withdrawing.id } })}
          onClose={() => setWithdrawing(undefined)}
        >
          Nobody can join with it any more. A new one can be made at any time.
        </Confirm>
      )}
    </>
  );
}
