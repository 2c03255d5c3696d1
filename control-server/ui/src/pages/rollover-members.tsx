import { type AuthorityView, type MemberTrust, rolloverProgress, trustText } from '@netport/protocol';
import { formatCount } from '../model/format.js';
import { Badge, Presence } from '../parts/badge.js';
import { Link } from '../parts/link.js';
import { Empty } from '../parts/note.js';
import { type Column, ListTable } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { filterBy, route } from '../state/location.js';
import { usePages } from '../state/pages.js';

/** How far each portal and relay is; without a rollover, those that one has left behind. */
export function RolloverMembers({ view }: { view: AuthorityView }) {
  const { phase, members } = view;
  const { waiting } = rolloverProgress(view);
  const filtered = route.value.query.show === 'waiting';
  const shown = phase === 'stable' ? members.filter(({ state }) => state === 'old') : filtered ? waiting : members;
  const list = usePages(shown);
  if (phase === 'stable' && shown.length === 0) return null;
  return (
    <section class="stack" aria-label="How far portals and relays are">
      {phase === 'stable' ? (
        <p>These were not there when a root CA was retired:</p>
      ) : (
        <label class="check">
          <input
            type="checkbox"
            checked={filtered}
            onChange={({ currentTarget }) => filterBy({ show: currentTarget.checked ? 'waiting' : '' })}
          />
          Not there yet ({formatCount(waiting.length)})
        </label>
      )}
      <ListTable
        caption="Trust of portals and relays"
        list={list}
        columns={columns(view, new Set(waiting))}
        keyOf={({ kind, name }) => `${kind}/${name}`}
        empty={
          <Empty title={filtered ? 'Everybody is there' : 'No portal or relay yet'}>
            <p>{filtered ? 'The next step waits for nobody.' : 'Nobody has to be waited for.'}</p>
          </Empty>
        }
      />
    </section>
  );
}

const columns = ({ phase }: AuthorityView, waiting: ReadonlySet<MemberTrust>): Column<MemberTrust>[] => [
  { title: 'Name', cell: ({ kind, name }) => <Link to={{ page: `${kind}s`, name }}>{name}</Link> },
  { title: 'Kind', cell: ({ kind }) => kind },
  {
    title: 'State',
    cell: (member) => {
      const { state } = member;
      const behind = waiting.has(member) || (phase === 'stable' && state === 'old');
      return <Badge tone={behind ? 'warn' : state === 'none' ? 'off' : 'ok'}>{trustText(state, phase)}</Badge>;
    },
  },
  { title: 'Online', cell: ({ online }) => <Presence online={online} /> },
  { title: 'Last seen', kind: 'hard', cell: ({ lastSeenAt }) => <Time at={lastSeenAt} none="never" /> },
];
