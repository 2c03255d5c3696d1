import type { Trust } from '@netport/pki';
import { asNetportError, type Name, type PolicyDocument, type TrustDomain } from '@netport/protocol';
import { type DataDirectory, KeptFile, type Logger } from '@netport/runtime';
import { issuedAt, verifyPolicy } from './policy.js';

const file = 'policy.jws';

/** The policy in force: the last document that was accepted, which outlives control outages and restarts. */
export interface PolicyStore {
  readonly current: PolicyDocument | undefined;
  /** Verifies, swaps and keeps it. Throws as `verifyPolicy` and keeps the one in force. */
  accept(jws: string): Promise<PolicyDocument>;
  /** Resolves when what is in force is on disk, or the disk has refused it. */
  settled(): Promise<void>;
}

export async function openPolicyStore(options: {
  directory: DataDirectory;
  identity: { name: Name; trustDomain: TrustDomain };
  trust: () => Trust;
  now: () => Date;
  log: Logger;
}): Promise<PolicyStore> {
  const { directory, identity, trust, now, log } = options;
  const { name, trustDomain } = identity;
  const kept = new KeptFile(directory, file, log);
  let current = await readStored();

  async function readStored(): Promise<PolicyDocument | undefined> {
    const jws = await directory.read(file);
    if (!jws) return undefined;
    try {
      return await verifyPolicy(jws, { trust: trust(), now: issuedAt(jws) ?? now(), name, trustDomain });
    } catch (thrown) {
      const { code, message } = asNetportError(thrown);
      log.warn({ code }, `the stored policy document is not used: ${message}`);
      return undefined;
    }
  }

  return {
    get current() {
      return current;
    },
    accept: async (jws) => {
      const next = await verifyPolicy(jws, {
        trust: trust(),
        now: now(),
        name,
        trustDomain,
        version: current?.version,
      });
      current = next;
      kept.keep(jws);
      return next;
    },
    settled: () => kept.settled(),
  };
}
