import {
  type AnswerOf,
  type Explanation,
  endpoints,
  explainBodySchema,
  type Hop,
  NetportError,
  type Protocol,
} from '@netport/protocol';
import { useEffect, useState } from 'preact/hooks';
import { call, inWords } from '../api/client.js';
import { ChoiceField, TextField } from '../parts/field.js';
import { Link } from '../parts/link.js';
import { Note } from '../parts/note.js';
import { Page } from '../parts/page.js';
import { Time } from '../parts/time.js';
import { filterBy, route } from '../state/location.js';
import { may, noticeSignedOut } from '../state/session.js';
import { PortalNames } from './portal-names.js';

type EventExplanation = AnswerOf<typeof endpoints.explain.event>;

/** Why a connection works, is denied or fails: asked for a connection, or for what the audit trail has. */
export function ExplainPage() {
  const { event } = route.value.query;
  return event ? <ExplainEvent key={event} id={event} /> : <ExplainConnection />;
}

function ExplainConnection() {
  const { portal = '', address = '', port = '', protocol = 'tcp' } = route.value.query;
  const [answer, setAnswer] = useState<Explanation>();
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);

  const ask = async (probe: boolean): Promise<void> => {
    const question = explainBodySchema.safeParse({
      portal,
      ...(address !== '' && { address }),
      ...(port !== '' && { port: Number(port) }),
      protocol,
    });
    setAnswer(undefined);
    if (!question.success) {
      return setErrors(Object.fromEntries(question.error.issues.map(({ path, message }) => [path.join('.'), message])));
    }
    setErrors({});
    setBusy(true);
    try {
      const { data } = question;
      setAnswer(
        probe
          ? await call(endpoints.explain.probe, { body: data })
          : await call(endpoints.explain.ask, { query: data }),
      );
    } catch (thrown) {
      const fields = thrown instanceof NetportError ? thrown.fields : [];
      setErrors(Object.fromEntries([['', inWords(thrown)], ...fields.map(({ path, message }) => [path, message])]));
      noticeSignedOut(thrown);
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    void ask(false).catch(() => {});
  };
  // Led here with a whole question: it is asked at once.
  useEffect(() => {
    if (portal && (port || address.startsWith('unix:'))) void ask(false).catch(() => {});
  }, []);

  return (
    <Page title="Explain" about="Why does a connection work, why is it denied, where does it fail? Hop by hop.">
      <form class="filters" noValidate onSubmit={submit}>
        <TextField
          label="At portal"
          name="portal"
          placeholder="laptop"
          list="portal-names"
          value={portal}
          onValue={(value) => filterBy({ portal: value.trim() })}
          error={errors.portal}
        />
        <TextField
          label="To address"
          name="address"
          placeholder="any"
          value={address}
          onValue={(value) => filterBy({ address: value.trim() })}
          error={errors.address}
        />
        <TextField
          label="Port"
          name="port"
          placeholder="8080"
          inputMode="numeric"
          value={port}
          onValue={(value) => filterBy({ port: value.trim() })}
          error={errors.port}
        />
        <ChoiceField<Protocol>
          label="Protocol"
          name="protocol"
          value={protocol === 'udp' ? 'udp' : 'tcp'}
          onValue={(value) => filterBy({ protocol: value })}
          options={[
            { value: 'tcp', text: 'tcp' },
            { value: 'udp', text: 'udp' },
          ]}
        />
        <PortalNames search={portal} />
        <div class="row">
          <button type="submit" class="button first" disabled={busy}>
            Explain
          </button>
          <button
            type="button"
            class="button"
            disabled={busy || !may('explain.probe')}
            title="The portals build the tunnel and connect to the target, then say how it went"
            onClick={() => void ask(true).catch(() => {})}
          >
            Try now
          </button>
        </div>
      </form>
      {errors[''] && <Note tone="bad">{errors['']}</Note>}
      {answer && <Verdict answer={answer} />}
    </Page>
  );
}

function ExplainEvent({ id }: { id: string }) {
  const [answer, setAnswer] = useState<EventExplanation>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    call(endpoints.explain.event, { params: { id } })
      .then(setAnswer)
      .catch((thrown) => {
        setError(inWords(thrown));
        noticeSignedOut(thrown);
      })
      .catch(() => {});
  }, [id]);
  return (
    <Page title={`Explain event ${id}`}>
      <p>
        <Link to={{ page: 'audit' }}>← Audit</Link>
      </p>
      {error && <Note tone="bad">{error}</Note>}
      {answer && (
        <>
          <Note tone={answer.event.cause ? 'bad' : ''}>
            <b>
              {answer.event.action}
              {answer.event.subject && ` of ${answer.event.subject}`}
            </b>{' '}
            by {answer.event.actor}, <Time at={answer.event.at} />.{' '}
            {answer.event.cause && `${answer.event.cause.message}. ${answer.event.cause.help}`} {answer.event.pair}
          </Note>
          <h2>As it is now</h2>
          <Verdict answer={answer} />
        </>
      )}
    </Page>
  );
}

const verdicts = {
  works: { tone: '', title: 'This works.' },
  denied: { tone: 'bad', title: 'This is denied.' },
  broken: { tone: 'bad', title: 'This is granted, but fails.' },
  unknown: { tone: 'warn', title: 'Nothing is wrong, but nothing was seen to work either.' },
} as const;

function Verdict({ answer }: { answer: Explanation }) {
  const { tone, title } = verdicts[answer.verdict];
  return (
    <>
      <Note tone={tone}>
        <b data-verdict={answer.verdict}>{title}</b>{' '}
        {answer.cause && (
          <>
            {answer.cause.message}. {answer.cause.help} <span class="tag">{answer.cause.code}</span>
          </>
        )}
        {answer.pair && (
          <p>
            It is about the access pair <Link to={{ page: 'pairs', name: answer.pair }}>{answer.pair}</Link>.
          </p>
        )}
      </Note>
      {answer.nearest.length > 0 && (
        <section class="card">
          <div class="card-head">
            <h2>Access pairs that come close</h2>
          </div>
          <ul class="card-body stack">
            {answer.nearest.map(({ pair, difference }) => (
              <li key={pair}>
                <Link to={{ page: 'pairs', name: pair }}>{pair}</Link> <span class="soft">{difference}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <section class="card">
        <div class="card-head">
          <h2>Hop by hop</h2>
          <span class="soft small">
            as of <Time at={answer.at} />
          </span>
        </div>
        <ol class="hops card-body">
          {answer.hops.map((hop) => (
            <HopLine key={hop.hop} hop={hop} />
          ))}
        </ol>
      </section>
    </>
  );
}

const marks = { ok: '✓', failed: '✕', warning: '!', unknown: '?' };
const titles = {
  listener: 'Listener',
  pair: 'Access pair',
  portal: 'Portal that listens',
  peer: 'Portal that dials',
  relay: 'Relay',
  tunnel: 'Tunnel',
  target: 'Target',
};

const HopLine = ({ hop: { hop, state, code, message, at } }: { hop: Hop }) => (
  <li data-hop={hop} data-state={state}>
    <span class={`hop-mark ${state}`} role="img" aria-label={state}>
      {marks[state]}
    </span>
    <div>
      <h3>
        {titles[hop]} {code && <span class="tag">{code}</span>}
      </h3>
      <p>{message}</p>
      {at && (
        <p class="soft small">
          <Time at={at} />
        </p>
      )}
    </div>
  </li>
);
