import { endpoints, type PortalView, type RelayView } from '@netport/protocol';
import { formatCount } from '../model/format.js';
import { Labels, Presence } from '../parts/badge.js';
import { SearchField } from '../parts/field.js';
import { Link } from '../parts/link.js';
import { Empty } from '../parts/note.js';
import { Page } from '../parts/page.js';
import { type Column, ListTable } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { useList } from '../state/list.js';
import { filterBy, route } from '../state/location.js';
import { may } from '../state/session.js';
import { AddMember, type MemberKind } from './add-member.js';
import { JoinTokens } from './join-tokens.js';
import { MemberDetail } from './member-detail.js';

type Member = PortalView | RelayView;

const titles = { portal: 'Portals', relay: 'Relays' };
const abouts = {
  portal: 'A portal runs on a device, or on the gateway of its network. It opens nothing to the Internet.',
  relay: 'A relay is a public host that joins two legs of a circuit. It holds no key and reads nothing.',
};

export const PortalsPage = () => <Members kind="portal" />;
export const RelaysPage = () => <Members kind="relay" />;

function Members({ kind }: { kind: MemberKind }) {
  const { name, query } = route.value;
  const [search, adding] = [query.q ?? '', query.add === '1'];
  return (
    <>
      {name === undefined ? (
        <MemberList kind={kind} search={search} />
      ) : (
        <MemberDetail key={name} kind={kind} name={name} />
      )}
      {adding && <AddMember kind={kind} onClose={() => filterBy({ add: '' })} />}
    </>
  );
}

function MemberList({ kind, search }: { kind: MemberKind; search: string }) {
  const list = useList(endpoints[kind].list, { query: { q: search }, on: [`${kind}s`], withPresence: true });
  const add = may(`${kind}.add`) && (
    <button type="button" class="button first" onClick={() => filterBy({ add: '1' })}>
      Add a {kind}
    </button>
  );
  return (
    <Page
      title={titles[kind]}
      about={abouts[kind]}
      tools={
        <>
          <SearchField label={`Find a ${kind}`} value={search} onValue={(q) => filterBy({ q })} />
          {add}
        </>
      }
    >
      <ListTable<Member>
        caption={titles[kind]}
        list={list}
        columns={columns(kind)}
        keyOf={(member) => member.name}
        empty={
          search ? (
            <Empty title={`No ${kind} has “${search}” in its name`}>
              <button type="button" class="button" onClick={() => filterBy({ q: '' })}>
                Show all
              </button>
            </Empty>
          ) : (
            <Empty title={`No ${kind} yet`}>
              <p>Give it a name here, then run one command on its machine.</p>
              {add}
            </Empty>
          )
        }
      />
      <JoinTokens kind={kind} />
    </Page>
  );
}

const columns = (kind: MemberKind): Column<Member>[] => [
  {
    title: 'Name',
    cell: ({ name, labels }) => (
      <>
        <Link to={{ page: `${kind}s`, name }}>{name}</Link>
        <span class="sub">
          <Labels labels={labels} />
        </span>
      </>
    ),
  },
  { title: 'State', cell: ({ online }) => <Presence online={online} /> },
  ...(kind === 'relay' ? relayColumns : []),
  { title: 'Address', cell: ({ address }) => <span class="mono">{address ?? '–'}</span> },
  { title: 'Last seen', kind: 'hard', cell: ({ lastSeenAt }) => <Time at={lastSeenAt} none="never" /> },
  {
    title: 'Certificate expires',
    kind: 'hard',
    cell: ({ certificateExpiresAt }) => <Time at={certificateExpiresAt} none="not enrolled" />,
  },
  { title: 'Version', cell: ({ version }) => version ?? '–' },
];

const relayColumns: Column<Member>[] = [
  {
    title: 'Circuits',
    kind: 'number',
    cell: (relay) =>
      'circuits' in relay &&
      `${formatCount(relay.circuits)}${relay.capacity === null ? '' : ` of ${formatCount(relay.capacity)}`}`,
  },
  {
    title: 'Forwards in',
    cell: (relay) =>
      'datapath' in relay && (
        <span title={relay.datapathReason ?? undefined}>
          {relay.datapath === null ? '–' : relay.datapath === 'xdp' ? 'the kernel (xdp)' : 'its process'}
        </span>
      ),
  },
];
