import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createCsr, generateKeyPem, pemToDer, publicKeyOf } from '@netport/pki';
import { NetportError } from '@netport/protocol';
import type { DataDirectory } from './data-directory.js';
import { fetchTrusted, simpleEnrol } from './enrolment.js';
import { describeIdentity, type StoredIdentity, saveIdentity } from './identity.js';
import type { Logger } from './log.js';

/** What a device brings along instead of a join token: the same for a whole fleet, but for its own certificate and key. */
export interface DeviceFiles {
  /** `https://host[:port]` of the control server. */
  controlUrl: string;
  /** Its root CA, PEM: who is believed is told beforehand (RFC 7030 §3.6.1), never learnt on first use. */
  ca: string;
  /** What the manufacturer gave the device, PEM: the certificate, with the CAs above it or without, and its key. */
  certificate: string;
  key: string;
}

/**
 * Turns the certificate of a device into an identity by EST (RFC 7030 §3.3.2). Nothing of it is sent to a server that the CA does
 * not vouch for. The identity has a new key: the manufacturer's may be in hardware some day, and lives for ever.
 * Throws `invalid_request`, `permission_denied`, `cert_*`, `forbidden` or `unavailable`.
 */
export async function enrolDevice(options: {
  device: DeviceFiles;
  directory: DataDirectory;
  /** What the directory holds already: only another certificate for the same portal takes its place. */
  stored: StoredIdentity | undefined;
  log: Logger;
  /** An HTTP proxy on the way. */
  proxy?: URL | undefined;
}): Promise<StoredIdentity> {
  const { device, directory, stored, log, proxy } = options;
  const { rootPem, credentials } = await readDevice(device);
  const keyPem = generateKeyPem();
  const csr = await createCsr(keyPem);
  const { origin: controlUrl } = new URL(device.controlUrl);
  // An image may be older than the root that is in force: the one that it has may vouch for that.
  const trusted = await fetchTrusted(controlUrl, () => rootPem, proxy);
  const chainPem = await simpleEnrol({ url: controlUrl, ...trusted, csr, credentials, proxy });
  const identity = describeIdentity({ keyPem, chainPem, ...trusted, controlUrl });
  if (stored && stored.id !== identity.id) {
    throw new NetportError(
      'cert_wrong_name',
      `this device is ${identity.id}, and ${directory.path} is ${stored.name}'s`,
    );
  }
  await saveIdentity(directory, identity);
  log.info({ id: identity.id, notAfter: identity.notAfter }, 'enrolled with the device certificate');
  return identity;
}

async function readDevice({ ca, certificate, key }: DeviceFiles) {
  const [rootPem, chainPem] = await Promise.all([read(ca), read(certificate)]);
  const roots = certificatesIn(ca, rootPem);
  if (roots.some((root) => !root.ca)) throw wrong(ca, 'a certificate in it is no CA');
  const [leaf] = certificatesIn(certificate, chainPem);
  await refuseOpenKey(key);
  const keyPem = await read(key);
  if (!leaf?.publicKey.export({ type: 'spki', format: 'der' }).equals(publicKeyIn(key, keyPem))) {
    throw wrong(key, `it is not the key of the certificate in ${certificate}`);
  }
  return { rootPem, credentials: { chainPem, keyPem } };
}

function certificatesIn(path: string, pem: string): X509Certificate[] {
  let certificates: X509Certificate[];
  try {
    certificates = pemToDer(pem).map((der) => new X509Certificate(der));
  } catch (cause) {
    throw wrong(path, 'a certificate in it cannot be read', cause);
  }
  if (certificates.length === 0) throw wrong(path, 'there is no PEM certificate in it');
  return certificates;
}

function publicKeyIn(path: string, keyPem: string): Uint8Array {
  try {
    return publicKeyOf(keyPem);
  } catch (cause) {
    throw wrong(path, 'it is no private key in PEM, or one with a passphrase', cause);
  }
}

/** As ssh does, but for a group: services often read their keys as one. */
async function refuseOpenKey(path: string): Promise<void> {
  const { mode } = await stat(path).catch((cause: Error) => Promise.reject(wrong(path, cause.message, cause)));
  if ((mode & 0o007) === 0) return;
  throw new NetportError('permission_denied', `every user of this machine can read ${path}: chmod o= ${path}`);
}

const read = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch((cause: Error) => Promise.reject(wrong(path, cause.message, cause)));

const wrong = (path: string, why: string, cause?: unknown): NetportError =>
  new NetportError('invalid_request', `${path} cannot be used: ${why}`, { cause });
