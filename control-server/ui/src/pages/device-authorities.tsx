import { anchorsOf, type DeviceAuthorityView, endpoints } from '@netport/protocol';
import { useState } from 'preact/hooks';
import { call } from '../api/client.js';
import { Confirm } from '../parts/dialog.js';
import { Note } from '../parts/note.js';
import { Card } from '../parts/page.js';
import { type Column, Table } from '../parts/table.js';
import { DatedTime } from '../parts/time.js';
import { announce } from '../state/announcement.js';
import { useList } from '../state/list.js';
import { may } from '../state/session.js';
import { AddDeviceAuthority } from './add-device-authority.js';

/** Manufacturers whose devices need no join token: so few that they are one page. */
export function DeviceAuthorities() {
  const { items, error } = useList(endpoints.deviceAuthority.list, { on: ['certificates'] });
  const [doing, setDoing] = useState<'add' | DeviceAuthorityView>();
  const close = () => setDoing(undefined);
  return (
    <>
      <Card
        title="Device authorities"
        tools={
          may('deviceAuthority.add') && (
            <button type="button" class="button" onClick={() => setDoing('add')}>
              Add a device authority
            </button>
          )
        }
      >
        <div class="card-body stack">
          {error && <Note tone="bad">{error}</Note>}
          <p class="soft">
            Manufacturers whose devices enrol with the certificate that they were made with, without a join token.
            {items?.length === 0 && ' None so far.'}
          </p>
        </div>
        {items && items.length > 0 && (
          <Table
            caption="Device authorities"
            columns={[...columns, ...(may('deviceAuthority.remove') ? [removal(setDoing)] : [])]}
            items={items}
            keyOf={({ name }) => name}
          />
        )}
      </Card>
      {doing === 'add' && <AddDeviceAuthority onClose={close} />}
      {doing && doing !== 'add' && <Removal name={doing.name} onClose={close} />}
    </>
  );
}

function Removal({ name, onClose }: { name: string; onClose: () => void }) {
  const remove = async (): Promise<void> => {
    await call(endpoints.deviceAuthority.remove, { params: { name } });
    announce(`${name} is removed.`);
  };
  return (
    <Confirm title={`Remove the device authority ${name}?`} action="Remove" onConfirm={remove} onClose={onClose}>
      No more of its devices enrol. Those that have stay: their portals are revoked or removed one by one.
    </Confirm>
  );
}

const columns: Column<DeviceAuthorityView>[] = [
  { title: 'Name', cell: ({ name }) => name },
  { title: 'Prefix', cell: ({ prefix }) => <span class="mono">{prefix}</span> },
  { title: 'Adds portals', cell: ({ autoAdd }) => (autoAdd ? 'yes' : 'no') },
  {
    title: 'Expires',
    kind: 'hard',
    cell: (authority) =>
      anchorsOf(authority)
        .slice(0, 1)
        .map(({ notAfter }) => <DatedTime key={notAfter} at={notAfter} />),
  },
  {
    title: 'Trusts, SHA\u2011256',
    cell: (authority) =>
      anchorsOf(authority).map(({ subject, fingerprint }) => (
        <div key={fingerprint}>
          {subject}
          <span class="sub mono">{fingerprint}</span>
        </div>
      )),
  },
];

const removal = (onRemove: (authority: DeviceAuthorityView) => void): Column<DeviceAuthorityView> => ({
  title: 'Actions',
  kind: 'actions',
  cell: (authority) => (
    <button type="button" class="button plain danger" onClick={() => onRemove(authority)}>
      Remove
    </button>
  ),
});
