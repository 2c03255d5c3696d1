import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SpiffeId, TrustDomain } from '@netport/protocol';
import { expect, it, onTestFinished } from 'vitest';
import { openAuthority } from './authority.js';
import { createAuthority } from './authority-material.js';
import { generateKeyPem, publicKeyOf } from './keys.js';
import { crlToPem } from './revocations.js';
import type { Signer } from './signer.js';

/** ECDSA's two integers out of DER, as a PKCS#11 token has them. */
function toP1363(der: Buffer): Uint8Array {
  const [rLength = 0] = der.subarray(3, 4);
  const r = der.subarray(4, 4 + rLength);
  const s = der.subarray(4 + rLength + 2);
  const fixed = (integer: Buffer) => Buffer.concat([Buffer.alloc(32), integer]).subarray(-32);
  return Buffer.concat([fixed(r), fixed(s)]);
}

it('issues and revokes with a key that only another process has', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'netport-signer-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = (name: string): string => join(folder, name);
  const now = new Date();
  const material = await createAuthority({ trustDomain: 'test.internal' as TrustDomain, now });
  writeFileSync(file('key.pem'), material.issuerKeyPem, { mode: 0o600 });

  const signer: Signer = {
    publicKey: publicKeyOf(material.issuerKeyPem),
    sign: (data) =>
      new Promise((resolve, reject) => {
        const openssl = spawn('openssl', ['dgst', '-sha256', '-sign', file('key.pem')]);
        const chunks: Buffer[] = [];
        openssl.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
        openssl.on('error', reject).on('close', () => resolve(toP1363(Buffer.concat(chunks))));
        openssl.stdin.end(data);
      }),
  };
  const { rootPem, issuerPem } = material;
  const authority = await openAuthority({ rootPem, issuerPem, signer });
  const issued = await authority.issue({
    id: 'spiffe://test.internal/portal/one' as SpiffeId,
    publicKey: publicKeyOf(generateKeyPem()),
    now,
  });
  writeFileSync(file('root.pem'), rootPem);
  writeFileSync(file('chain.pem'), issued.chainPem);
  const verify = (...more: string[]): string =>
    execFileSync(
      'openssl',
      [
        'verify',
        '-x509_strict',
        '-CAfile',
        file('root.pem'),
        '-untrusted',
        file('chain.pem'),
        ...more,
        file('chain.pem'),
      ],
      { encoding: 'utf8', stdio: 'pipe' },
    );
  expect(verify()).toContain('OK');

  const der = await authority.crl({ revoked: [{ serial: issued.serial, revokedAt: now }], number: 1, now });
  writeFileSync(file('crl.pem'), crlToPem(der));
  expect(() => verify('-crl_check', '-CRLfile', file('crl.pem'))).toThrow(/certificate revoked/);
});
