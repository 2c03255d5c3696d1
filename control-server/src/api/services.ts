import type { Logger } from '@netport/runtime';
import type { Bus } from '../bus/bus.js';
import type { Live } from '../live/live.js';
import type { Metrics } from '../metrics.js';
import type { OidcClient } from '../oidc.js';
import type { StateContext } from '../state/context.js';
import type { Passwords } from '../state/passwords.js';
import type { Inspection, Presence } from '../state/presence.js';
import type { Refusals } from '../state/refusals.js';

/** What the routers are given. */
export interface Services {
  context: StateContext;
  presence: Presence;
  inspection: Inspection;
  live: Live;
  bus: Bus;
  refusals: Refusals;
  passwords: Passwords;
  /** Undefined where no provider is configured. */
  oidc: OidcClient | undefined;
  /** Resolves when a change that was published has reached those who are online. */
  settled: () => Promise<void>;
  /** Has TLS clients told which device authorities there are now. */
  deviceAuthoritiesChanged: () => Promise<void>;
  /** The current revocation list, DER. */
  revocationList: () => Uint8Array;
  log: Logger;
  metrics: Metrics;
}
