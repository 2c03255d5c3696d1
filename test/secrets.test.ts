import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NewToken } from '@netport/protocol';
import { describe, expect, it } from 'vitest';
import { leaks, Overlay, payloadCipher, payloadMarker, payloadSecrets } from './harness/index.js';

const secret = 'S3cr3t_-'.repeat(6).slice(0, 43);

describe('a secret in a log is found', () => {
  it.each([
    ['an API token', `refused npa_${secret}`],
    ['a join token', `{"msg":"joining","token":"npj1_${'e30'.repeat(40)}"}`],
    ['a private key', '-----BEGIN PRIVATE KEY-----'],
    ['a secret of 256 bits', `{"msg":"session","cookie":"${secret}"}`],
    ['payload', `{"msg":"forwarding ${payloadMarker}"}`],
    ['payload', JSON.stringify({ msg: 'bytes', data: [...payloadCipher(1).update(Buffer.alloc(64))] })],
    ['payload', `bytes: ${payloadCipher(2).update(Buffer.alloc(66)).toString('base64')}`],
  ])('%s', (what, line) => {
    expect(leaks(['{"msg":"listening"}', line], payloadSecrets()).join()).toContain(`${what}: `);
  });

  it('and what is none is not', () => {
    const id = 'spiffe://netport.internal/portal/a';
    const lines = [`{"msg":"online","id":"${id}"}`, '{"circuitId":"7f6c2c9e-4f0d-4b1c-9a53-2d5b8f6f9a10"}'];
    expect(leaks(lines, payloadSecrets())).toEqual([]);
  });

  it('at the end of an overlay, in what any of its processes wrote', async () => {
    const overlay = await Overlay.start({ relays: [], portals: [] });
    const { token } = await overlay.cli<NewToken>(['portal', 'add', 'a']);
    const key = await readFile(join(overlay.directory, 'control', 'issuer-key.pem'), 'utf8');
    const log = overlay.control.output as string[];
    log.push(`token of a: ${token.slice(5)}`, `{"msg":"signing","with":"${key.split('\n')[1]}"}`);
    const end = overlay.stop();
    await expect(end).rejects.toThrow(/^token: token of a/m);
    await expect(end).rejects.toThrow(/^the key in issuer-key.pem: /m);
  });
});
