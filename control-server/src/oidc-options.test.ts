import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../test/harness.js';
import { addOidcOptions, readOidcOptions } from './oidc-options.js';

const read = (...words: string[]) =>
  readOidcOptions(addOidcOptions(new Command()).exitOverride().parse(words, { from: 'user' }).opts());
const issuer = ['--oidc-issuer', 'https://id.example'];
const client = ['--oidc-client-id', 'netport'];
const role = ['--oidc-role', 'staff=viewer;ops=operator', '--oidc-role', 'root=admin'];

test('without an issuer there is no provider', async () => {
  expect(await read(...client, ...role)).toBeUndefined();
});

test('what is said of the provider, its secret from a file', async () => {
  const directory = await temporaryDirectory();
  const file = join(directory.path, 'secret');
  await writeFile(file, 'hush\n');
  expect(await read(...issuer, ...client, ...role, '--oidc-client-secret-file', file)).toEqual({
    issuer: new URL('https://id.example'),
    clientId: 'netport',
    clientSecret: 'hush',
    scopes: 'openid',
    groupsClaim: 'groups',
    roles: new Map([
      ['staff', 'viewer'],
      ['ops', 'operator'],
      ['root', 'admin'],
    ]),
  });
  await directory.remove();
});

test.each([
  [['--oidc-issuer', 'http://id.example', ...client, ...role], /is no https URL/],
  [['--oidc-issuer', 'id.example', ...client, ...role], /is no https URL/],
  [[...issuer, ...role], /needs --oidc-client-id/],
  [[...issuer, ...client], /nobody could sign in/],
  [[...issuer, ...client, ...role, '--oidc-client-secret-file', '/nonexistent'], /--oidc-client-secret-file: ENOENT/],
])('%j is refused', async (words, message) => {
  await expect(read(...words)).rejects.toThrow(message);
});
