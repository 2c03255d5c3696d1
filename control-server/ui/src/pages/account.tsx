import { endpoints, limits } from '@netport/protocol';
import { useState } from 'preact/hooks';
import { call, fieldErrors, inWords } from '../api/client.js';
import { Dialog } from '../parts/dialog.js';
import { TextField } from '../parts/field.js';
import { Note } from '../parts/note.js';
import { announce } from '../state/announcement.js';
import { useFields } from '../state/fields.js';
import { noticeSignedOut, session, signOutEverywhere } from '../state/session.js';

/** Who one is, one's own password where this server keeps it, and the end of all of one's sessions. */
export function Account({ onClose }: { onClose: () => void }) {
  const [error, setError] = useState<string>();
  const { actor = '', role } = session.value ?? {};
  const [, localAdmin] = /^admin:(.+)$/.exec(actor) ?? [];
  return (
    <Dialog title="Account" onClose={onClose}>
      <p>
        Signed in as <span class="mono">{actor}</span>, {role}.
      </p>
      {localAdmin !== undefined && <PasswordForm name={localAdmin} onChanged={onClose} />}
      {error && <Note tone="bad">{error}</Note>}
      <div class="dialog-foot">
        <button
          type="button"
          class="button danger"
          onClick={() => void signOutEverywhere().catch((thrown) => setError(inWords(thrown)))}
        >
          Sign out everywhere
        </button>
        <button type="button" class="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

const empty = { current: '', next: '', again: '' };

function PasswordForm({ name, onChanged }: { name: string; onChanged: () => void }) {
  const { values, setErrors, field } = useFields(empty);
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const { current, next, again } = values;
    if (next !== again) return setErrors({ again: 'This is not the same.' });
    setBusy(true);
    try {
      await call(endpoints.session.password, { body: { current, next } });
      announce('Your password is changed. Your other sessions are over.');
      onChanged();
    } catch (thrown) {
      // What is wrong with no field, such as too many tries, stands beside the first.
      const { '': whole, ...wrong } = fieldErrors(thrown);
      setErrors(whole === undefined ? wrong : { current: whole });
      setBusy(false);
      noticeSignedOut(thrown);
    }
  };
  const password = (of: keyof typeof empty) => ({ ...field(of), type: 'password' as const, required: true });
  return (
    <form class="stack" noValidate onSubmit={(event) => void submit(event).catch(() => {})}>
      {/* What password managers file the password under. */}
      <input type="text" name="username" autocomplete="username" value={name} readOnly hidden />
      <TextField label="Present password" autocomplete="current-password" {...password('current')} />
      <TextField
        label="New password"
        autocomplete="new-password"
        hint={`${limits.passwordMin} to ${limits.passwordMax} characters. Your other sessions end.`}
        {...password('next')}
      />
      <TextField label="New password, again" autocomplete="new-password" {...password('again')} />
      <div>
        <button type="submit" class="button first" disabled={busy}>
          Change the password
        </button>
      </div>
    </form>
  );
}
