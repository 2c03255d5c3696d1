import { expect, it } from 'vitest';
import { addressesToBind } from './local-addresses.js';

const interfaces = {
  lo: [
    { address: '127.0.0.1', family: 'IPv4' as const },
    { address: '::1', family: 'IPv6' as const, scopeid: 0 },
  ],
  eth0: [
    { address: '192.0.2.7', family: 'IPv4' as const },
    { address: 'fe80::1', family: 'IPv6' as const, scopeid: 2 },
  ],
  down: undefined,
};

it.each([
  ['192.0.2.7', ['192.0.2.7']],
  ['::1', ['::1']],
  ['0.0.0.0', ['127.0.0.1', '192.0.2.7']],
  ['::', ['127.0.0.1', '::1', '192.0.2.7', 'fe80::1%eth0']],
])('binds for %s', (host, addresses) => {
  expect(addressesToBind(host, interfaces as Parameters<typeof addressesToBind>[1])).toEqual(addresses);
});
