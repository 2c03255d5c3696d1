import { endpoints, formatEndpoint, type PairView } from '@netport/protocol';
import { PairState } from '../parts/badge.js';
import { SearchField } from '../parts/field.js';
import { Link } from '../parts/link.js';
import { Empty } from '../parts/note.js';
import { Page } from '../parts/page.js';
import { type Column, ListTable } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { useList } from '../state/list.js';
import { filterBy, route } from '../state/location.js';
import { may } from '../state/session.js';
import { carries, PairDetail } from './pair-detail.js';
import { PairForm } from './pair-form.js';

export function PairsPage() {
  const { name, query } = route.value;
  return (
    <>
      {name === undefined ? <PairList search={query.q ?? ''} /> : <PairDetail key={name} name={name} />}
      {query.add === '1' && <PairForm onClose={() => filterBy({ add: '' })} />}
    </>
  );
}

function PairList({ search }: { search: string }) {
  const list = useList(endpoints.pair.list, { query: { q: search }, on: ['pairs', 'policy'], withPresence: true });
  const add = may('pair.add') && (
    <button type="button" class="button first" onClick={() => filterBy({ add: '1' })}>
      Add an access pair
    </button>
  );
  return (
    <Page
      title="Access pairs"
      about="Everything is denied but these: a port at one portal, joined to a port that another reaches."
      tools={
        <>
          <SearchField label="Find an access pair" value={search} onValue={(q) => filterBy({ q })} />
          {add}
        </>
      }
    >
      <ListTable
        caption="Access pairs"
        list={list}
        columns={columns}
        keyOf={(pair) => pair.id}
        empty={
          search ? (
            <Empty title={`No access pair has “${search}” in its name`}>
              <button type="button" class="button" onClick={() => filterBy({ q: '' })}>
                Show all
              </button>
            </Empty>
          ) : (
            <Empty title="Nothing is granted yet">
              <p>An access pair lets applications at one portal reach one port at another, and nothing else.</p>
              {add}
            </Empty>
          )
        }
      />
    </Page>
  );
}

const side = ({ portal, ...endpoint }: PairView['from']) => (
  <>
    <Link to={{ page: 'portals', name: portal }}>{portal}</Link>
    <span class="sub mono">{formatEndpoint(endpoint)}</span>
  </>
);

const columns: Column<PairView>[] = [
  {
    title: 'Name',
    cell: ({ name, reason }) => (
      <>
        <Link to={{ page: 'pairs', name }}>{name}</Link>
        {reason && <span class="sub">{reason}</span>}
      </>
    ),
  },
  {
    title: 'State',
    cell: ({ state, error }) => (
      <>
        <PairState state={state} />
        {error && <span class="sub">{error.message}</span>}
      </>
    ),
  },
  { title: 'Listens at', cell: ({ from }) => side(from) },
  { title: 'Reaches', cell: ({ to }) => side(to) },
  { title: 'Carries', kind: 'hard', cell: carries },
  { title: 'Owner', cell: ({ owner }) => owner },
  { title: 'Expires', kind: 'hard', cell: ({ expiresAt }) => <Time at={expiresAt} none="never" /> },
];
