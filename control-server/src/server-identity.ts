import { generateKeyPem, publicKeyOf } from '@netport/pki';
import type { Logger } from '@netport/runtime';
import type { SigningIdentity } from './policy/sign.js';
import { controlId, type StateContext } from './state/context.js';
import { scheduleAt } from './timer.js';

/** The control server's own certificate: for TLS, and to sign policy documents. Its key lives in memory only. */
export interface ServerIdentity extends SigningIdentity {
  notBefore: Date;
  notAfter: Date;
}

/** `names` are the DNS names and IP addresses that it is reached by. */
export async function issueServerIdentity(context: StateContext, names: readonly string[]): Promise<ServerIdentity> {
  const keyPem = generateKeyPem();
  const id = controlId(context.trustDomain);
  const { chainPem, serial, notBefore, notAfter } = await context.authority.issue({
    id,
    publicKey: publicKeyOf(keyPem),
    now: context.now(),
    names,
  });
  await context.store.records.certificates.add({ serial, subject: id, notBefore, notAfter });
  return { keyPem, chainPem, notBefore, notAfter };
}

const retryDelay = 60_000;

/** Issues a new identity when two thirds of the current one's life are over, again and again. Answers the function that stops it. */
export function renewServerIdentity(
  current: ServerIdentity,
  options: {
    issue: () => Promise<ServerIdentity>;
    onIssued: (identity: ServerIdentity) => void;
    now: () => Date;
    log: Logger;
  },
): () => void {
  let cancel = (): void => {};
  const renew = async (): Promise<void> => {
    try {
      const identity = await options.issue();
      options.onIssued(identity);
      wait(dueAt(identity));
    } catch (error) {
      options.log.error({ err: error }, 'the server certificate could not be renewed yet');
      wait(new Date(options.now().getTime() + retryDelay));
    }
  };
  const wait = (at: Date): void => {
    cancel = scheduleAt(at, options.now, () => void renew());
  };
  wait(dueAt(current));
  return () => cancel();
}

const dueAt = ({ notBefore, notAfter }: ServerIdentity): Date =>
  new Date(notBefore.getTime() + ((notAfter.getTime() - notBefore.getTime()) * 2) / 3);
