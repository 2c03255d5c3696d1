import { type ErrorCode, endpoints, errorTable, isErrorCode, NetportError } from '@netport/protocol';
import { useEffect, useRef, useState } from 'preact/hooks';
import { call, inWords } from '../api/client.js';
import icon from '../icon.svg';
import { TextField } from '../parts/field.js';
import { Note } from '../parts/note.js';
import { signIn } from '../state/session.js';

/** A token or a name with a password, and whichever provider the server has. */
export function SignInPage() {
  const [byName, setByName] = useState(false);
  const [provider, setProvider] = useState<string>();
  useEffect(() => {
    call(endpoints.session.methods, {})
      .then(({ oidc }) => setProvider(oidc?.name))
      // Without it, one signs in by the form.
      .catch(() => {});
  }, []);
  const [refused] = useState(refusedCode);
  // It is told once: not again to who has signed in since, and out.
  useEffect(() => history.replaceState(null, '', `/${location.hash}`), []);
  return (
    <main class="sign-in">
      <div class="sign-in-card">
        <div class="brand">
          <img src={icon} alt="" />
          Netport
        </div>
        <h1>Sign in</h1>
        {refused && <Note tone="bad">The provider’s answer did not let you in. {errorTable[refused].help}</Note>}
        {provider !== undefined && (
          <a class="button first" href={`/api/v1${endpoints.session.oidc.path}`}>
            Sign in with {provider}
          </a>
        )}
        <SignInForm key={String(byName)} byName={byName} />
        <button type="button" class="button plain" onClick={() => setByName(!byName)}>
          {byName ? 'Use a token' : 'Use a name and a password'}
        </button>
      </div>
    </main>
  );
}

/** Why the provider's answer was refused: the server sends the browser back here with it. */
function refusedCode(): ErrorCode | undefined {
  const code = new URLSearchParams(location.search).get('refused');
  return isErrorCode(code) ? code : undefined;
}

function SignInForm({ byName }: { byName: boolean }) {
  const [name, setName] = useState('');
  const [secret, setSecret] = useState('');
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLInputElement>('input:not([hidden])')?.focus(), []);
  const wrong = byName ? 'The name or the password is wrong.' : 'This is not the admin token of this server.';
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await signIn(byName ? { name: name.trim(), password: secret } : { token: secret.trim() });
    } catch (thrown) {
      setError(thrown instanceof NetportError && thrown.code === 'unauthenticated' ? wrong : inWords(thrown));
      setBusy(false);
    }
  };
  return (
    <form ref={form} onSubmit={(event) => void submit(event)}>
      {byName ? (
        <TextField
          label="Name"
          name="username"
          type="text"
          autocomplete="username"
          required
          value={name}
          onValue={setName}
        />
      ) : (
        // What password managers file the token under.
        <input type="text" name="username" autocomplete="username" value="admin" readOnly hidden />
      )}
      <TextField
        label={byName ? 'Password' : 'Admin token'}
        name={byName ? 'password' : 'token'}
        type="password"
        autocomplete="current-password"
        required
        value={secret}
        onValue={setSecret}
        error={error}
        hint={
          !byName && (
            <>
              The control server keeps it in its data directory, in the file <code>admin-token</code>. Any other API
              token will do, too.
            </>
          )
        }
      />
      <button type="submit" class="button first" disabled={busy || secret.trim() === ''}>
        Sign in
      </button>
    </form>
  );
}
