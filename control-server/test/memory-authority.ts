import type { TrustDomain } from '@netport/protocol';
import type { CertificateAuthority } from '../src/authority/certificate-authority.js';
import { loadAuthority } from '../src/authority/load-authority.js';

/** A new authority whose files are in memory. */
export async function memoryAuthority(trustDomain: TrustDomain, now: Date): Promise<CertificateAuthority> {
  const files = new Map<string, string>();
  const directory = {
    path: '/dev/null',
    read: async (name: string) => files.get(name),
    write: async (name: string, content: string | Uint8Array) => void files.set(name, content.toString()),
  };
  return (await loadAuthority(directory, trustDomain, now)).authority;
}
