import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { serverAddresses } from './addresses.js';

test.each<[string, string | undefined, string]>([
  ['127.0.0.1:0', undefined, 'https://127.0.0.1:4711'],
  ['[::1]:0', undefined, 'https://[::1]:4711'],
  ['0.0.0.0:8443', undefined, `https://${hostname()}:4711`],
  ['0.0.0.0:8443', 'https://netport.example.org', 'https://netport.example.org'],
  ['0.0.0.0:8443', 'https://[2001:db8::1]:443/', 'https://[2001:db8::1]'],
])('listening on %s with public URL %s, join tokens say %s', (listen, publicUrl, url) => {
  expect(serverAddresses({ listen, publicUrl }).url(4711)).toBe(url);
});

test('the certificate has the public name and the local ones, each once', () => {
  const { names } = serverAddresses({ listen: '127.0.0.1:0', publicUrl: 'https://[::1]:8443' });
  expect(names.slice(0, 3)).toEqual(['::1', 'localhost', '127.0.0.1']);
  expect(new Set(names).size).toBe(names.length);
});
