import { createPrivateKey } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { payloadCipher } from './payload.js';

/** For tests to send through a tunnel: whoever writes payload into a log is found by it. */
export const payloadMarker = 'payload-that-nobody-may-log';

/** A text that no log may have → what it is. */
export type Secrets = Map<string, string>;

/** What shows by its form. Secrets of Netport's own making have 256 bits, in base64url. */
const forms: readonly [RegExp, string][] = [
  [/npa_[\w-]{20,}/, 'an API token'],
  [/npj1_[\w-]{20,}/, 'a join token'],
  [/PRIVATE KEY/, 'a private key'],
  [/(?<![\w-])[\w-]{43}(?![\w-])/, 'a secret of 256 bits'],
];

/** The lines that show a secret, without it, and what it is. */
export function leaks(lines: readonly string[], secrets: Secrets): string[] {
  const text = lines.join('\n');
  const known = [...secrets].filter(([secret]) => text.includes(secret)).map(([secret, what]) => ({ secret, what }));
  return lines.flatMap((line) => {
    const shown = known.filter(({ secret }) => line.includes(secret));
    const formed = forms.filter(([form]) => form.test(line)).map(([, what]) => what);
    return [...shown.map(({ what }) => what), ...formed].map((what) => `${what}: ${line.slice(0, 60)}…`);
  });
}

/** What `sendPayload` begins with, in the forms that a log could show it in. */
export function payloadSecrets(): Secrets {
  const secrets: Secrets = new Map([[payloadMarker, 'payload']]);
  for (let seed = 0; seed < 16; seed += 1) {
    const head = payloadCipher(seed).update(Buffer.alloc(24));
    for (const form of [head.toString('base64'), head.toString('hex'), head.join(',')]) secrets.set(form, 'payload');
  }
  return secrets;
}

/** The keys in a data directory: of a portal's or relay's identity, and of the CA. */
export async function keysIn(directory: string): Promise<Secrets> {
  const secrets: Secrets = new Map();
  const files = await readdir(directory).catch(() => []);
  for (const file of files.filter((name) => name === 'identity.json' || name.endsWith('-key.pem'))) {
    const text = await readFile(join(directory, file), 'utf8');
    const pem = file.endsWith('.json') ? String(JSON.parse(text).keyPem) : text;
    // An encrypted one is no secret without its passphrase.
    if (pem.includes('ENCRYPTED')) continue;
    const key = createPrivateKey(pem);
    const der = key.export({ type: 'pkcs8', format: 'der' });
    const { d = '' } = key.export({ format: 'jwk' });
    const scalar = Buffer.from(d, 'base64url');
    const shown = [d, scalar.toString('base64'), scalar.toString('hex'), der.toString('base64'), der.toString('hex')];
    for (const form of [...shown, ...pem.split('\n').filter((line) => line.length > 20 && !line.startsWith('-'))]) {
      secrets.set(form, `the key in ${file}`);
    }
  }
  return secrets;
}
