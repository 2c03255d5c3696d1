import { Agent } from 'node:https';
import { decodeCertsOnly } from '@netport/pki';
import { limits, NetportError } from '@netport/protocol';
import type { Cli } from './cli.js';
import { type Credentials, storeCa } from './credentials.js';
import { ask } from './exchange.js';
import { reviseRoots } from './roots.js';

/**
 * The CA of a login whose control server shows a certificate of another root: with that root, if one that the login trusts vouches
 * for it, and without those that count no more. It is stored, and said. Undefined where nobody vouches for anything new. Throws
 * `permission_denied` when it cannot be stored.
 */
export async function catchUp(cli: Cli, { url, ca }: Credentials): Promise<string | undefined> {
  const next = await findRoots(url, ca, new Date(cli.now())).catch((thrown) => {
    // Why there is none is not what the person has asked for: how to go on is said with the error that led here.
    if (thrown instanceof NetportError) return undefined;
    throw thrown;
  });
  if (!next) return undefined;
  const path = await storeCa(cli.env, next.ca);
  cli.stderr.write(
    `The root CA of ${url} was replaced. From now on this login trusts ${next.roots}, which a root that it trusted has certified: ${path}.\n`,
  );
  return next.ca;
}

async function findRoots(url: string, ca: string, now: Date): Promise<{ ca: string; roots: string } | undefined> {
  const found = reviseRoots(ca, await fetchAuthorities(url, { rejectUnauthorized: false }), now);
  if (found.added.length === 0) return undefined;
  // Once more, from a server that has a certificate of it: nobody on the way chooses which roots are written down.
  const settled = reviseRoots(found.ca, await fetchAuthorities(url, { ca: found.ca, rejectUnauthorized: true }), now);
  const roots = found.added.filter((root) => settled.trusted.includes(root));
  return roots.length === 0 ? undefined : { ca: settled.ca, roots: roots.join(' and ') };
}

/** EST `cacerts` (RFC 7030 §4.1) as PEM. Whoever answers gets nothing but the question. */
async function fetchAuthorities(url: string, trust: { ca?: string; rejectUnauthorized: boolean }): Promise<string> {
  const agent = new Agent({ ...trust, minVersion: 'TLSv1.3' });
  const target = new URL('/.well-known/est/cacerts', url);
  const timeout = limits.controlRequestTimeout;
  const { status, body } = await ask({ agent, target, method: 'get', timeout, max: limits.authoritiesBytes });
  if (status !== 200) throw new NetportError('protocol_error', `${url} answered ${status} to the question for its CA`);
  return decodeCertsOnly(Buffer.from(body.toString('latin1'), 'base64')).join('');
}
