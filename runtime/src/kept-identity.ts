import { type Authorities, acceptAuthorities, fingerprintsIn, pemsIn, type Trust } from '@netport/pki';
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

  const trustOnly = async ({ rootPems, issuerPems }: Authorities): Promise<void> => {
    const [rootPem, issuersPem] = [rootPems.join(''), issuerPems.join('')];
    if (rootPem === current.rootPem && issuersPem === current.issuersPem) return;
    await change((identity) => describeIdentity({ ...identity, rootPem, issuersPem }));
    log.info({ roots: fingerprintsIn(rootPem) }, 'trusted root CAs changed');
  };

  /** Takes new roots over. None goes: what is left out of an answer may be the wish of whoever gave it. */
  const catchUp = async (): Promise<void> => {
    try {
      const offered = await fetchAuthorities(current.controlUrl, proxy);
      const [roots, issuers] = [pemsIn(current.rootPem), pemsIn(current.issuersPem)];
      const accepted = acceptAuthorities({ trusted: current.rootPem, offered, offeredBy: 'anybody', now: now() });
      if (accepted.rootPems.every((root) => roots.includes(root))) return;
      await trustOnly({
        rootPems: [...new Set([...roots, ...accepted.rootPems])],
        issuerPems: [...new Set([...issuers, ...accepted.issuerPems])],
      });
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
      const { rootPems, issuerPems } = acceptAuthorities({
        trusted: current.rootPem,
        offered: authorities,
        offeredBy: 'control-server',
        now: now(),
      });
      await trustOnly({ rootPems: keepOwn(current, rootPems), issuerPems });
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
  return accepted.some(isOwn) ? accepted : [...accepted, ...pemsIn(rootPem).filter(isOwn)];
}
