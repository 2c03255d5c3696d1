import { expect, it } from 'vitest';
import { networkOf } from './network.js';

const v4 = (address: string, internal = false) => ({ address, family: 'IPv4' as const, internal, cidr: null });
const v6 = (address: string, scopeid = 0) => ({
  address,
  family: 'IPv6' as const,
  internal: false,
  cidr: null,
  scopeid,
});

it.each([
  [
    'the order of interfaces',
    { a: [v4('10.0.0.1')], b: [v4('10.0.1.1')] },
    { b: [v4('10.0.1.1')], a: [v4('10.0.0.1')] },
  ],
  ['loopback', { lo: [v4('127.0.0.1', true)], a: [v4('10.0.0.1')] }, { a: [v4('10.0.0.1')] }],
  ['addresses of one link', { a: [v4('10.0.0.1'), v6('fe80::1', 3)] }, { a: [v4('10.0.0.1')] }],
  ['the host’s part of IPv6', { a: [v6('2001:db8::7')] }, { a: [v6('2001:db8::1:2'), v6('2001:db8:0:0:1:2:3:4')] }],
])('%s makes no other network', (_title, one, other) => {
  expect(networkOf(one)).toBe(networkOf(other));
});

it.each([
  ['address', { a: [v4('10.0.0.1')] }, { a: [v4('10.0.0.2')] }],
  ['interface', { a: [v4('10.0.0.1')] }, { b: [v4('10.0.0.1')] }],
  ['prefix', { a: [v6('2001:db8::7')] }, { a: [v6('2001:db8:0:1::7')] }],
])('another %s is another network', (_title, one, other) => {
  expect(networkOf(one)).not.toBe(networkOf(other));
});
