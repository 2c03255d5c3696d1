import type { Trust } from '@netport/pki';
import { tryControlSession } from './control-session.js';
import type { DataDirectory } from './data-directory.js';
import { reenrol } from './enrolment.js';
import { type StoredIdentity, saveIdentity } from './identity.js';
import type { Logger } from './log.js';
import { keepRenewed } from './renewal.js';

/** The identity of a process that runs, which is renewed while it does. */
export interface KeptIdentity {
  readonly current: StoredIdentity;
  /** Ends the renewals. */
  close(): void;
}

/**
 * Renews an identity when it is due. The next one comes into use once the control server has taken it for a session, and is
 * on disk; until then, and where that fails, the present one stays. What runs with that goes on with it.
 */
export function keepIdentity(
  enrolled: StoredIdentity,
  options: {
    directory: DataDirectory;
    trust: (identity: StoredIdentity) => Trust;
    /** An HTTP proxy on the way. */
    proxy?: URL | undefined;
    now: () => Date;
    /** 0 ≤ x < 1. */
    random: () => number;
    log: Logger;
  },
): KeptIdentity {
  const { directory, trust, proxy, now, random, log } = options;
  let current = enrolled;
  const renew = async (): Promise<StoredIdentity> => {
    const next = await reenrol({ identity: current, trust: trust(current), proxy });
    await tryControlSession({ identity: next, trust: trust(next), proxy });
    await saveIdentity(directory, next);
    current = next;
    return next;
  };
  const close = keepRenewed(enrolled, { renew, now, random, log });
  return {
    get current() {
      return current;
    },
    close,
  };
}
