import { NetportError } from '@netport/protocol';
import { useEffect, useRef, useState } from 'preact/hooks';
import { inWords } from '../api/client.js';
import icon from '../icon.svg';
import { TextField } from '../parts/field.js';
import { signIn } from '../state/session.js';

export function SignInPage() {
  const [token, setToken] = useState('');
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLInputElement>('[type=password]')?.focus(), []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await signIn(token);
    } catch (thrown) {
      const wrong = thrown instanceof NetportError && thrown.code === 'unauthenticated';
      setError(wrong ? 'This is not the admin token of this server.' : inWords(thrown));
      setBusy(false);
    }
  };
  return (
    <main class="sign-in">
      <form ref={form} onSubmit={(event) => void submit(event)}>
        <div class="brand">
          <img src={icon} alt="" />
          Netport
        </div>
        <h1>Sign in</h1>
        {/* What password managers file the token under. */}
        <input type="text" name="username" autocomplete="username" value="admin" readOnly hidden />
        <TextField
          label="Admin token"
          name="token"
          type="password"
          autocomplete="current-password"
          required
          value={token}
          onValue={setToken}
          error={error}
          hint={
            <>
              The control server keeps it in its data directory, in the file <code>admin-token</code>.
            </>
          }
        />
        <button type="submit" class="button first" disabled={busy || token.trim() === ''}>
          Sign in
        </button>
      </form>
    </main>
  );
}
