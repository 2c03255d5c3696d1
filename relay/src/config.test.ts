import { NetportError } from '@netport/protocol';
import { describe, expect, it } from 'vitest';
import { defaultAddress, parseCount, parseHost, parseInterfaces, parsePort, parsePortRange } from './config.js';

describe('port range', () => {
  it.each(['40000-49999', '1-3', '65533-65535'])('reads %s', (text) => {
    const { first, last } = parsePortRange(text);
    expect(`${first}-${last}`).toBe(text);
  });
  it.each(['', '40000', '0-10', '65000-65536', '10-11', '20-10', '1-2-3', '-1-5', 'a-b'])('refuses "%s"', (text) => {
    expect(() => parsePortRange(text)).toThrow(NetportError);
  });
});

it('reads a port', () => {
  expect(parsePort('443')).toBe(443);
  for (const text of ['', '0', '65536', '-1', '4x', '1-2']) expect(() => parsePort(text)).toThrow(NetportError);
});

describe('host', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['relay.example.org', 'relay.example.org'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['2001:db8::7', '2001:db8::7'],
  ])('reads %s', (text, host) => {
    expect(parseHost(text)).toBe(host);
  });
  it.each(['', 'unix:/run/x', 'a b', '10.0.0.300', '1.2.3.4:80', 'https://relay'])('refuses "%s"', (text) => {
    expect(() => parseHost(text)).toThrow(NetportError);
  });
});

it('takes the first IPv4 address that is not the loopback', () => {
  const base = { netmask: '', mac: '', cidr: null };
  const lo = [{ ...base, address: '127.0.0.1', family: 'IPv4' as const, internal: true }];
  const eth0 = [
    { ...base, address: 'fe80::1', family: 'IPv6' as const, internal: false, scopeid: 2 },
    { ...base, address: '192.0.2.7', family: 'IPv4' as const, internal: false },
  ];
  expect(defaultAddress({ lo, eth0 })).toBe('192.0.2.7');
  expect(() => defaultAddress({ lo })).toThrow('--address');
});

describe('interfaces', () => {
  it('reads one or several', () => {
    expect(parseInterfaces('eth0')).toEqual(['eth0']);
    expect(parseInterfaces('eth0,br-lan,wg0.5')).toEqual(['eth0', 'br-lan', 'wg0.5']);
  });
  it.each(['', 'eth0,', 'a b', 'eth/0', 'longer-than-fifteen'])('refuses "%s"', (text) => {
    expect(() => parseInterfaces(text)).toThrow(NetportError);
  });
});

it('reads how many circuits the kernel has room for', () => {
  expect(parseCount('1')).toBe(1);
  expect(parseCount('4096')).toBe(4096);
  for (const text of ['0', '4097', '-1', '1.5', 'many', '']) expect(() => parseCount(text)).toThrow(NetportError);
});
