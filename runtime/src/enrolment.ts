import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import type { TLSSocket } from 'node:tls';
import {
  acceptAuthorities,
  createCsr,
  decodeCertsOnly,
  fingerprintsIn,
  generateKeyPem,
  pemsIn,
  pemToDer,
  type Trust,
} from '@netport/pki';
import { decodeJoinToken, isErrorCode, type JoinToken, limits, NetportError, type Problem } from '@netport/protocol';
import { connectControl, openTls } from './control-connection.js';
import type { DataDirectory } from './data-directory.js';
import { describeIdentity, type StoredIdentity, saveIdentity } from './identity.js';
import type { Logger } from './log.js';

/**
 * Turns a join token into an identity by EST (RFC 7030): the root CA is fetched and compared with the fingerprint in
 * the token, and only a server that this root, or one that it vouches for, has certified gets to see the token. The key is made here and stays here.
 * Throws `token_*`, `csr_invalid`, `cert_*` or `unavailable`.
 */
export async function enrol(options: {
  token: string;
  directory: DataDirectory;
  log: Logger;
  /** An HTTP proxy on the way. */
  proxy?: URL | undefined;
}): Promise<StoredIdentity> {
  const token = decodeJoinToken(options.token);
  const { proxy } = options;
  const trusted = await fetchTrusted(token.url, (offered) => namedBy(token, offered), proxy);
  const keyPem = generateKeyPem();
  const csr = await createCsr(keyPem);
  const authorization = `Basic ${Buffer.from(`${token.name}:${options.token}`).toString('base64')}`;
  const chainPem = await simpleEnrol({ url: token.url, ...trusted, csr, authorization, proxy });

  const identity = describeIdentity({ keyPem, chainPem, ...trusted, controlUrl: new URL(token.url).origin });
  if (identity.name !== token.name || !identity.id.includes(`/${token.kind}/`)) {
    throw new NetportError(
      'cert_wrong_name',
      `the token is for ${token.kind} ${token.name}, the certificate for ${identity.id}`,
    );
  }
  await saveIdentity(options.directory, identity);
  options.log.info({ id: identity.id, notAfter: identity.notAfter }, 'enrolled');
  return identity;
}

/** The CA certificates of a control server that is not believed in anything yet: EST `cacerts`, PEM. */
export async function fetchAuthorities(url: string, proxy: URL | undefined): Promise<string> {
  const socket = await openTls(url, { rejectUnauthorized: false }, proxy);
  const answer = await exchange(socket, url, 'cacerts');
  if (answer.status !== 200) throw problem(answer);
  return decodeCertsOnly(Buffer.from(answer.body, 'base64')).join('');
}

/** Of those, what follows from the root or roots that are believed already. Throws `cert_untrusted`. */
export async function fetchTrusted(url: string, believed: (offered: string) => string, proxy: URL | undefined) {
  const offered = await fetchAuthorities(url, proxy);
  const { rootPems, issuerPems } = acceptAuthorities({
    trusted: believed(offered),
    offered,
    offeredBy: 'anybody',
    now: new Date(),
  });
  return { rootPem: rootPems.join(''), issuersPem: issuerPems.join('') };
}

/** The root whose fingerprint the token carries. */
function namedBy(token: JoinToken, offered: string): string {
  const root = pemsIn(offered).find((pem) => fingerprintsIn(pem)[0] === token.ca);
  if (root) return root;
  throw new NetportError('cert_untrusted', `the server at ${token.url} does not have the root CA that the token names`);
}

/** One `simpleenroll`, by HTTP authentication or a TLS client certificate, at a server that the root vouches for; answers the chain. */
export async function simpleEnrol(options: {
  url: string;
  rootPem: string;
  csr: Uint8Array;
  authorization?: string;
  credentials?: { keyPem: string; chainPem: string };
  proxy: URL | undefined;
}): Promise<string> {
  const { url, rootPem, csr, authorization, credentials, proxy } = options;
  const socket = await connectControl({ url, trust: { rootPems: [rootPem] }, credentials, proxy });
  const answer = await exchange(socket, url, 'simpleenroll', {
    ...(authorization !== undefined && { authorization }),
    body: Buffer.from(csr).toString('base64'),
  });
  return chainIn(answer, rootPem);
}

/**
 * The same identity with a new key and a new certificate, by EST `simplereenroll` (RFC 7030 §4.2.2): the present certificate
 * is who asks. Nothing is kept of it here. Throws `csr_invalid`, `cert_*`, `rate_limited` or `unavailable`.
 */
export async function reenrol(options: {
  identity: StoredIdentity;
  trust: Trust;
  /** An HTTP proxy on the way. */
  proxy?: URL | undefined;
}): Promise<StoredIdentity> {
  const { identity, trust, proxy } = options;
  const { controlUrl, rootPem, issuersPem, trustDomain } = identity;
  const keyPem = generateKeyPem();
  const csr = await createCsr(keyPem, pemToDer(identity.chainPem)[0]);
  const socket = await connectControl({ url: controlUrl, trust, trustDomain, credentials: identity, proxy });
  const answer = await exchange(socket, controlUrl, 'simplereenroll', { body: Buffer.from(csr).toString('base64') });
  const chainPem = chainIn(answer, rootPem);
  const renewed = describeIdentity({ keyPem, chainPem, rootPem, issuersPem, controlUrl });
  if (renewed.id === identity.id) return renewed;
  throw new NetportError('cert_wrong_name', `${identity.id} was renewed as ${renewed.id}`);
}

/** What a certs-only answer holds, leaf first. */
function chainIn(answer: Answer, rootPem: string): string {
  if (answer.status !== 200) throw problem(answer);
  const [leaf, issuers] = splitLeaf(decodeCertsOnly(Buffer.from(answer.body, 'base64')), rootPem);
  return leaf + issuers;
}

/** The leaf and its issuers, without roots; a SET in CMS has no order that could be relied on. */
function splitLeaf(pems: string[], rootPem: string): [string, string] {
  const isCa = (pem: string): boolean => new X509Certificate(pem).ca;
  const leaf = pems.find((pem) => !isCa(pem));
  if (!leaf) throw new NetportError('protocol_error', 'the server answered without a certificate for this key');
  return [leaf, pems.filter((pem) => isCa(pem) && !rootPem.includes(pem.trim())).join('')];
}

interface Answer {
  status: number;
  body: string;
}

/** One EST request on a connection of its own. */
function exchange(
  socket: TLSSocket,
  url: string,
  operation: 'cacerts' | 'simpleenroll' | 'simplereenroll',
  post?: { authorization?: string; body: string },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        createConnection: () => socket,
        host: new URL(url).host,
        path: `/.well-known/est/${operation}`,
        method: post ? 'POST' : 'GET',
        headers: {
          connection: 'close',
          ...(post && { 'content-type': 'application/pkcs10' }),
          ...(post?.authorization && { authorization: post.authorization }),
        },
        timeout: limits.controlRequestTimeout,
      },
      (incoming) => {
        let body = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          body += chunk;
          if (body.length > limits.apiBodyBytes) outgoing.destroy(new Error('the answer is too large'));
        });
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body }));
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
    outgoing.on('error', (cause) => {
      reject(new NetportError('unavailable', `enrolment at ${url} failed: ${cause.message}`, { cause }));
    });
    outgoing.end(post?.body);
  });
}

/** A refusal of the server, with its code where it gave one. */
export function problem(answer: Answer): NetportError {
  try {
    const { code, detail } = JSON.parse(answer.body) as Partial<Problem>;
    if (isErrorCode(code)) return new NetportError(code, detail ?? code);
  } catch {
    // Not one of our servers, or a proxy in between: the status has to do.
  }
  return new NetportError('unavailable', `the control server answered with status ${answer.status}`);
}
