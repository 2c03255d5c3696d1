import { type AuditEventView, auditExport, endpoints, errorCodes } from '@netport/protocol';
import { isoTime } from '../model/format.js';
import { ChoiceField, TextField } from '../parts/field.js';
import { Link } from '../parts/link.js';
import { Empty } from '../parts/note.js';
import { Page } from '../parts/page.js';
import { type Column, ListTable } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { useList } from '../state/list.js';
import { filterBy, route } from '../state/location.js';
import { ChainState } from './chain-state.js';

const filters = ['portal', 'pair', 'action', 'subject'] as const;
const titles = { portal: 'Portal', pair: 'Access pair', action: 'What', subject: 'On what' };
const times = [
  { name: 'since', label: 'From' },
  { name: 'until', label: 'Before' },
] as const;
const examples = { portal: 'laptop', pair: 'web', action: 'pair.add', subject: 'web' };

export function AuditPage() {
  const { query } = route.value;
  const { portal, pair, action, subject, code, since, until } = query;
  const asked = {
    ...{ portal, pair, action, subject, code },
    ...(since && { since: isoTime(since) }),
    ...(until && { until: isoTime(until) }),
  };
  const chosen = Object.entries(asked).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const list = useList(endpoints.audit.list, { query: asked, on: ['audit'], cursor: 'before' });
  const clear = () => filterBy({ portal: '', pair: '', action: '', subject: '', code: '', since: '', until: '' });
  return (
    <Page
      title="Audit"
      about="Who did what, from where; newest first, and growing while you watch."
      tools={
        <a
          class="button"
          href={`/api/v1${auditExport.path}?${new URLSearchParams(chosen)}`}
          download="netport-audit.jsonl"
          title="Everything that fits the filters, oldest first, as JSON lines"
        >
          Export
        </a>
      }
    >
      <div class="filters">
        {filters.map((name) => (
          <TextField
            key={name}
            label={titles[name]}
            name={name}
            placeholder={examples[name]}
            value={query[name] ?? ''}
            onValue={(value) => filterBy({ [name]: value.trim() })}
          />
        ))}
        {times.map(({ name, label }) => (
          <TextField
            key={name}
            label={label}
            name={name}
            type="datetime-local"
            value={query[name] ?? ''}
            onValue={(value) => filterBy({ [name]: value })}
          />
        ))}
        <ChoiceField
          label="Outcome"
          name="code"
          value={code ?? ''}
          onValue={(value) => filterBy({ code: value })}
          options={[
            { value: '', text: 'any' },
            { value: 'ok', text: 'ok' },
            ...errorCodes.map((value) => ({ value, text: value })),
          ]}
        />
      </div>
      <ChainState events={list.items} filtered={chosen.length > 0} />
      <ListTable
        caption="Audit events"
        list={list}
        columns={columns}
        keyOf={({ id }) => String(id)}
        empty={
          <Empty title="No such event">
            <button type="button" class="button" onClick={clear}>
              Show all
            </button>
          </Empty>
        }
      />
    </Page>
  );
}

const columns: Column<AuditEventView>[] = [
  { title: 'When', kind: 'hard', cell: ({ at }) => <Time at={at} /> },
  {
    title: 'Who',
    cell: ({ actor, origin }) => (
      <>
        {actor.replace(/^spiffe:\/\/[^/]+\//, '')}
        <span class="sub">{origin}</span>
      </>
    ),
  },
  { title: 'What', cell: ({ action }) => <span class="mono">{action}</span> },
  { title: 'On what', cell: ({ subject }) => subject ?? '–' },
  { title: 'Outcome', cell: ({ code }) => (code ? <span class="badge bad">{code}</span> : 'ok') },
  { title: 'Detail', cell: ({ detail }) => <Detail detail={detail} /> },
  {
    title: 'Actions',
    kind: 'actions',
    cell: ({ id }) => (
      <Link to={{ page: 'explain', query: { event: String(id) } }} class="button plain">
        Explain
      </Link>
    ),
  },
];

const shortest = 120;

function Detail({ detail }: { detail: AuditEventView['detail'] }) {
  const entries = Object.entries(detail);
  if (entries.length === 0) return <span class="soft">–</span>;
  const text = entries.map(([name, value]) => `${name} ${plain(value)}`).join(' · ');
  if (text.length <= shortest) return <span class="small">{text}</span>;
  return (
    <details class="small">
      <summary>{`${text.slice(0, shortest)}…`}</summary>
      <pre>{JSON.stringify(detail, null, 2)}</pre>
    </details>
  );
}

const plain = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));
