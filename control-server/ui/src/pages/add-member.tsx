import { endpoints, limits, NetportError, type NewToken, nameSchema } from '@netport/protocol';
import { useEffect, useState } from 'preact/hooks';
import { call, inWords } from '../api/client.js';
import { formatSpan } from '../model/format.js';
import { Command } from '../parts/command.js';
import { Dialog } from '../parts/dialog.js';
import { TextField } from '../parts/field.js';
import { Link } from '../parts/link.js';
import { Note } from '../parts/note.js';
import { announce } from '../state/announcement.js';
import { overview } from '../state/live.js';
import { noticeSignedOut } from '../state/session.js';

export type MemberKind = 'portal' | 'relay';

const examples = { portal: 'field-gw', relay: 'relay-1' };

/** A name, then the command that turns the machine into a member, then word that it is there. */
export function AddMember({ kind, onClose }: { kind: MemberKind; onClose: () => void }) {
  const [name, setName] = useState('');
  const [error, setError] = useState<string>();
  const [added, setAdded] = useState<NewToken>();
  if (added) return <JoinDialog kind={kind} joining={added} onClose={onClose} />;

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const parsed = nameSchema.safeParse(name);
    if (!parsed.success) return setError(parsed.error.issues[0]?.message);
    try {
      setAdded(await call(endpoints[kind].add, { body: { name: parsed.data } }));
      announce(`${name} is added.`);
    } catch (thrown) {
      setError(thrown instanceof NetportError && thrown.fields[0] ? thrown.fields[0].message : inWords(thrown));
      noticeSignedOut(thrown);
    }
  };
  return (
    <Dialog title={`Add a ${kind}`} onClose={onClose}>
      <form class="stack" noValidate onSubmit={(event) => void submit(event).catch(() => {})}>
        <TextField
          label="Name"
          name="name"
          value={name}
          placeholder={examples[kind]}
          onValue={(value) => {
            setName(value);
            setError(undefined);
          }}
          error={error}
          hint="A host name's letters: a–z, 0–9 and -. It becomes part of the identity."
        />
        <div class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button first">
            Add
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface JoinProps {
  kind: MemberKind;
  joining: NewToken;
  onClose: () => void;
}

/** The join command, and whether it was heeded. */
export function JoinDialog({ kind, joining: { name, token, expiresAt }, onClose }: JoinProps) {
  const online = overview.value?.[`${kind}s`].some((member) => member.name === name && member.online) ?? false;
  useEffect(() => {
    if (online) announce(`${name} is online.`);
  }, [online, name]);
  const lifetime = formatSpan(Math.min(Date.parse(expiresAt) - Date.now(), limits.joinTokenLifetimeMax));
  return (
    <Dialog title={`Start ${name}`} onClose={onClose}>
      <p>Run this on the machine that becomes the {kind}, as a user who may write to the data directory:</p>
      <Command label="Join command" text={`netport-${kind} run --data /var/lib/netport --join ${token}`} />
      <p class="soft small">
        The token works once, for {lifetime}, and is shown only now. Later starts need no <code>--join</code>.
      </p>
      {online ? (
        <Note>
          <b>{name} is online.</b>{' '}
          {kind === 'portal' && (
            <>
              Next: grant an <Link to={{ page: 'pairs', query: { add: '1' } }}>access pair</Link>.
            </>
          )}
        </Note>
      ) : (
        <p role="status">Waiting for {name} to come online …</p>
      )}
      <div class="dialog-foot">
        <button type="button" class="button first" onClick={onClose}>
          Done
        </button>
      </div>
    </Dialog>
  );
}
