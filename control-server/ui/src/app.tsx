import { useEffect, useRef, useState } from 'preact/hooks';
import icon from './icon.svg';
import { type PageName, pages } from './model/route.js';
import { Account } from './pages/account.js';
import { AuditPage } from './pages/audit.js';
import { CertificatesPage } from './pages/certificates.js';
import { ExplainPage } from './pages/explain.js';
import { PortalsPage, RelaysPage } from './pages/members.js';
import { OverviewPage } from './pages/overview.js';
import { PairsPage } from './pages/pairs.js';
import { SignInPage } from './pages/sign-in.js';
import { TrafficPage } from './pages/traffic.js';
import { announcement } from './state/announcement.js';
import { runClock } from './state/clock.js';
import { connection, watch } from './state/live.js';
import { route } from './state/location.js';
import { session, signOut } from './state/session.js';
import { theme, themes } from './state/theme.js';

const contents: Record<PageName, () => preact.JSX.Element> = {
  overview: OverviewPage,
  portals: PortalsPage,
  relays: RelaysPage,
  pairs: PairsPage,
  traffic: TrafficPage,
  explain: ExplainPage,
  audit: AuditPage,
  certificates: CertificatesPage,
};

export function App() {
  if (session.value === undefined) return null;
  return session.value === null ? <SignInPage /> : <Frame />;
}

function Frame() {
  useEffect(watch, []);
  useEffect(runClock, []);
  const { page, name } = route.value;
  const title = pages.find((one) => one.page === page)?.title ?? 'Netport';
  const main = useRef<HTMLElement>(null);
  const shown = useRef(page);
  useEffect(() => {
    document.title = `${name ? `${name} – ` : ''}${title} – Netport`;
    if (shown.current === page) return;
    shown.current = page;
    scrollTo(0, 0);
    main.current?.focus();
  }, [page, name, title]);
  const Contents = contents[page];
  return (
    <>
      {/* Not a link: the fragment is where the page's own address stands. */}
      <button type="button" class="skip unseen" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <div class="frame">
        {connection.value === 'lost' && (
          <div class="lost" role="alert">
            Connection lost: what you see may be old. Trying again …
          </div>
        )}
        <Rail page={page} />
        <main ref={main} tabIndex={-1}>
          <Contents key={page} />
        </main>
      </div>
      <div class="unseen" aria-live="polite">
        {announcement.value}
      </div>
    </>
  );
}

function Rail({ page }: { page: PageName }) {
  const next = themes[(themes.indexOf(theme.value) + 1) % themes.length] ?? 'auto';
  const [account, setAccount] = useState(false);
  return (
    <header class="rail">
      <div class="brand">
        <img src={icon} alt="" />
        Netport
      </div>
      <nav aria-label="Pages">
        <ul>
          {pages.map((one) => (
            <li key={one.page}>
              <a href={`#/${one.page}`} aria-current={one.page === page ? 'page' : undefined}>
                {one.title}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="rail-foot">
        <span class="row wide" data-connection={connection.value}>
          {connection.value === 'live' ? 'Live' : 'Connecting …'}
          <span>{session.value?.version}</span>
        </span>
        <span class="wide mono" title="Trust domain">
          {session.value?.trustDomain}
        </span>
        <div class="row">
          <button type="button" class="button plain" onClick={() => (theme.value = next)}>
            Theme: {theme.value}
          </button>
          <button type="button" class="button plain" onClick={() => setAccount(true)}>
            Account
          </button>
          <button type="button" class="button plain" onClick={() => void signOut()}>
            Sign out
          </button>
        </div>
        {account && <Account onClose={() => setAccount(false)} />}
      </div>
    </header>
  );
}
