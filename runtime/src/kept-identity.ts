import { acceptAuthorities, derToPem, fingerprintsIn, pemToDer, type Trust } from '@netport/pki';
import { asNetportError, type NetportError, type TrustMessage, type TrustsMessage } from '@netport/protocol';
import { tryControlSession } from './control-socket.js';
import type { DataDirectory } from './data-directory.js';
import { fetchAuthorities, reenrol } from './enrolment.js';
import { describeIdentity, type StoredIdentity, saveIdentity } from './identity.js';
import type { Logger } from './log.js';
import { keepRenewed } from './renewal.js';

/** The identity of a process that runs, and whom it trusts: both may be replaced while it does. */
export interface KeptIdentity {
  readonly current: StoredIdentity;
  /**
   * Takes over the roots of a `trust` message that it trusts already or that one of those vouches for, and renews its certificate
   * when that is of another root than certificates are of now. Throws `cert_untrusted`, `protocol_error` or `too_large`.
   */
  accept(message: TrustMessage): Promise<void>;
  /**
   * A control session has ended, or did not begin. Where the control server is not believed, its root may have been replaced
   * meanwhile: then it is asked for its roots, in case that one that is trusted here vouches for a new one.
   */
  sessionDown(reason: NetportError): void;
  /** What there is to say of it to the control server. */
  trusts(): TrustsMessage;
  /** Ends the renewals. */
  close(): void;
}

export interface KeptIdentityOptions {
  directory: DataDirectory;
  trust: (identity: StoredIdentity) => Trust;
  /** It was renewed, or trusts other roots. */
  onChange: () => void;
  /** An HTTP proxy on the way. */
  proxy?: URL | undefined;
  now: () => Date;
  /** 0 ≤ x < 1. */
  random: () => number;
  log: Logger;
}

/**
 * Renews an identity when it is due. The next one comes into use once the control server has taken it for a session, and is
 * on disk; until then, and where that fails, the present one stays. What runs with that goes on with it.
 */
export function keepIdentity(enrolled: StoredIdentity, options: KeptIdentityOptions): KeptIdentity {
  const { directory, trust, onChange, proxy, now, random, log } = options;
  let current = enrolled;
  /** One change is written after the other. */
  let writing: Promise<unknown> = Promise.resolve();
  const change = (to: (identity: StoredIdentity) => StoredIdentity): Promise<void> => {
    const written = writing.then(async () => {
      const next = to(current);
      await saveIdentity(directory, next);
      current = next;
      onChange();
    });
    writing = written.catch(() => {});
    return written;
  };

  const renew = async (): Promise<StoredIdentity> => {
    const next = await reenrol({ identity: current, trust: trust(current), proxy });
    await tryControlSession({ identity: next, trust: trust(next), proxy });
    // Whom to trust may have been told meanwhile.
    await change(({ rootPem, issuersPem }) => ({ ...next, rootPem, issuersPem }));
    return current;
  };
  const renewals = keepRenewed(enrolled, { renew, now, random, log });

  const trustOffered = async (offered: string, offeredBy: 'control-server' | 'anybody'): Promise<void> => {
    const accepted = acceptAuthorities({ trusted: current.rootPem, offered, offeredBy, now: now() });
    const issuersPem = accepted.issuerPems.join('');
    const rootPem = keepOwn(current, accepted.rootPems).join('');
    if (rootPem === current.rootPem && issuersPem === current.issuersPem) return;
    await change((identity) => describeIdentity({ ...identity, rootPem, issuersPem }));
    log.info({ roots: fingerprintsIn(rootPem) }, 'trusted root CAs changed');
  };

  const catchUp = async (): Promise<void> => {
    try {
      await trustOffered(await fetchAuthorities(current.controlUrl, proxy), 'anybody');
    } catch (thrown) {
      const { code, message } = asNetportError(thrown);
      log.debug({ code }, `the control server's root CAs are none to be trusted: ${message}`);
    }
  };

  return {
    get current() {
      return current;
    },
    accept: async ({ authorities, issuing, renewWithin }) => {
      await trustOffered(authorities, 'control-server');
      if (current.rootFingerprint === issuing) return;
      renewals.hasten(new Date(now().getTime() + random() * renewWithin));
    },
    sessionDown: ({ code }) => {
      if (code === 'cert_untrusted') void catchUp();
    },
    trusts: () => ({ type: 'trusts', roots: fingerprintsIn(current.rootPem), certifiedBy: current.rootFingerprint }),
    close: () => renewals.close(),
  };
}

/** Without the root of its own certificate nobody is anybody: it stays until there is another certificate. */
function keepOwn({ rootPem, rootFingerprint }: StoredIdentity, accepted: string[]): string[] {
  const isOwn = (pem: string): boolean => fingerprintsIn(pem)[0] === rootFingerprint;
  return accepted.some(isOwn) ? accepted : [...accepted, ...pemToDer(rootPem).map(derToPem).filter(isOwn)];
}
