import { endpoints, NetportError, type PairView, type Protocol, type TransportPreference } from '@netport/protocol';
import { useEffect, useState } from 'preact/hooks';
import { call, inWords } from '../api/client.js';
import {
  bodyOf,
  emptyPair,
  errorsByPath,
  type FieldErrors,
  fieldsOf,
  type PairFields,
  type PairPath,
  pairPaths,
} from '../model/pair-form.js';
import { Dialog } from '../parts/dialog.js';
import { ChoiceField, TextField } from '../parts/field.js';
import { Note } from '../parts/note.js';
import { announce } from '../state/announcement.js';
import { noticeSignedOut } from '../state/session.js';
import { PortalNames } from './portal-names.js';

interface PairFormProps {
  /** The pair to edit; none to add one. */
  pair?: PairView;
  onClose: () => void;
  onSaved?: () => void;
}

/** Typing has paused for so long that the server may be asked. */
const pause = 250;

export function PairForm({ pair, onClose, onSaved }: PairFormProps) {
  const [edited, setEdited] = useState(pair);
  const [fields, setFields] = useState<PairFields>(pair ? fieldsOf(pair) : emptyPair);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [conflicts, setConflicts] = useState<FieldErrors>({});
  const [failed, setFailed] = useState<'conflict' | { message: string }>();
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    const controller = new AbortController();
    const timer = setTimeout(() => {
      conflictsOf(fields, edited, controller.signal)
        .then(setConflicts)
        // Only advice: what is really wrong, saving tells.
        .catch(() => {});
    }, pause);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [fields, edited]);
  // Nobody is told off for what is not typed yet.
  const errors = Object.fromEntries(Object.entries(conflicts).filter(([path]) => touched.has(path))) as FieldErrors;

  const save = async (): Promise<void> => {
    setTouched(new Set(['', ...pairPaths]));
    setBusy(true);
    setFailed(undefined);
    try {
      await send(fields, edited);
      announce(`${fields.name} is saved.`);
      onSaved?.();
      onClose();
    } catch (thrown) {
      setBusy(false);
      if (thrown instanceof NetportError && thrown.code === 'conflict' && thrown.fields.length === 0)
        return setFailed('conflict');
      const found = thrown instanceof NetportError ? errorsByPath(thrown.fields) : {};
      setConflicts(found);
      if (Object.keys(found).length === 0) setFailed({ message: inWords(thrown) });
      noticeSignedOut(thrown);
    }
  };
  const reload = async (): Promise<void> => {
    const latest = await call(endpoints.pair.show, { params: { name: fields.name } });
    setEdited(latest);
    setFields(fieldsOf(latest));
    setFailed(undefined);
  };

  const field = (path: PairPath) => ({
    name: path,
    value: fields[path],
    error: errors[path],
    onValue: (value: string) => {
      setFields({ ...fields, [path]: value });
      setTouched(new Set([...touched, path]));
    },
  });
  return (
    <Dialog title={pair ? `Edit ${pair.name}` : 'Add an access pair'} onClose={onClose}>
      <form
        class="stack"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void save().catch(() => {});
        }}
      >
        <PortalNames search="" />
        <div class="fields">
          {!pair && <TextField label="Name" placeholder="web" {...field('name')} />}
          <ChoiceField<Protocol>
            label="Protocol"
            options={options('tcp', 'udp')}
            {...(field('protocol') as ReturnType<typeof field> & { value: Protocol })}
          />
          <ChoiceField<TransportPreference>
            label="Tunnel over"
            options={options('auto', 'tcp', 'quic')}
            {...(field('transport') as ReturnType<typeof field> & { value: TransportPreference })}
          />
        </div>
        <Side title="Applications connect to" side="from" field={field} />
        <Side title="And reach" side="to" field={field} />
        <fieldset>
          <legend>Only at these times of the week (empty: always)</legend>
          <div class="fields">
            <TextField label="Days" placeholder="mon-fri, sun" {...field('schedule.days')} />
            <TextField label="From" placeholder="08:00" {...field('schedule.from')} />
            <TextField label="Until" placeholder="18:00" {...field('schedule.to')} />
            <TextField label="Time zone" placeholder="UTC" {...field('schedule.timezone')} />
          </div>
        </fieldset>
        <div class="fields">
          <TextField label="Expires" type="datetime-local" hint="Empty: never" {...field('expiresAt')} />
          <TextField label="Owner" hint="Empty: you" {...field('owner')} />
        </div>
        <TextField label="Reason" placeholder="Why is this granted?" {...field('reason')} />
        {errors[''] && <Note tone="bad">{errors['']}</Note>}
        {failed === 'conflict' && (
          <Note tone="bad">
            <p>Somebody changed it meanwhile. Your changes are not saved.</p>
            <button type="button" class="button" onClick={() => void reload().catch(() => {})}>
              Reload, and drop mine
            </button>
          </Note>
        )}
        {failed && failed !== 'conflict' && <Note tone="bad">{failed.message}</Note>}
        <div class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button first" disabled={busy}>
            {pair ? 'Save' : 'Grant'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface SideProps {
  title: string;
  side: 'from' | 'to';
  field: (path: PairPath) => Pick<Parameters<typeof TextField>[0], 'name' | 'value' | 'error' | 'onValue'>;
}

const Side = ({ title, side, field }: SideProps) => (
  <fieldset>
    <legend>{title}</legend>
    <div class="fields">
      <TextField label="Portal" list="portal-names" placeholder="laptop" {...field(`${side}.portal`)} />
      <TextField label="Address" placeholder="127.0.0.1" {...field(`${side}.address`)} />
      <TextField label="Port" inputMode="numeric" placeholder="8080" {...field(`${side}.port`)} />
    </div>
  </fieldset>
);

const options = <Value extends string>(...values: Value[]) => values.map((value) => ({ value, text: value }));

async function conflictsOf(
  fields: PairFields,
  edited: PairView | undefined,
  signal: AbortSignal,
): Promise<FieldErrors> {
  const query = edited && { pair: edited.name };
  const { conflicts } = await call(endpoints.pair.check, { body: bodyOf(fields), ...(query && { query }), signal });
  return errorsByPath(conflicts);
}

/** A change is bound to the revision that the form was filled from. */
async function send(fields: PairFields, edited: PairView | undefined): Promise<void> {
  const body = bodyOf(fields);
  if (!edited) return void (await call(endpoints.pair.add, { body }));
  const { name: _, expiresAt = null, schedule = null, ...change } = body;
  const request = {
    params: { name: edited.name },
    body: { ...change, expiresAt, schedule },
    revision: edited.revision,
  };
  await call(endpoints.pair.change, request);
}
