import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AddressKind,
  addressKind,
  addressSchema,
  formatEndpoint,
  parseEndpoint,
  socketAddress,
} from './address.js';

const kinds: [string, AddressKind | undefined][] = [
  ['0.0.0.0', 'ipv4'],
  ['10.0.0.5', 'ipv4'],
  ['255.255.255.255', 'ipv4'],
  ['10.0.0.300', undefined],
  ['10.0.0', undefined],
  ['10.0.0.5.', undefined],
  ['10.0.0.5.6', undefined],
  ['010.0.0.5', undefined],
  ['0x7f.1', undefined],
  ['0x7f000001', undefined],
  ['2130706433', undefined],
  ['[::1]', 'ipv6'],
  ['[::]', 'ipv6'],
  ['[2001:DB8::5]', 'ipv6'],
  ['[::ffff:10.0.0.5]', 'ipv6'],
  ['::1', undefined],
  ['[::1', undefined],
  ['[::1]x', undefined],
  ['[]', undefined],
  ['[10.0.0.5]', undefined],
  ['[fe80::1%eth0]', undefined],
  ['[::1/64]', undefined],
  ['localhost', 'dns'],
  ['Plc-7.factory.example', 'dns'],
  ['_http._tcp.example', 'dns'],
  ['db_primary', 'dns'],
  ['1password.example', 'dns'],
  ['example.', undefined],
  ['.example', undefined],
  ['a..b', undefined],
  ['-a', undefined],
  ['a-', undefined],
  ['bücher.example', undefined],
  ['*.example', undefined],
  ['a b', undefined],
  ['example\n', undefined],
  [`${'a'.repeat(63)}.example`, 'dns'],
  [`${'a'.repeat(64)}.example`, undefined],
  ['a.'.repeat(127), undefined],
  [`${'a.'.repeat(126)}a`, 'dns'],
  [`${'a.'.repeat(126)}aa`, undefined],
  ['unix:/x', 'unix'],
  ['unix:/run/app one.sock', 'unix'],
  [`unix:/${'a'.repeat(106)}`, 'unix'],
  [`unix:/${'a'.repeat(107)}`, undefined],
  [`unix:/${'é'.repeat(53)}`, 'unix'],
  [`unix:/${'é'.repeat(54)}`, undefined],
  ['unix:/', undefined],
  ['unix:run/app.sock', undefined],
  ['unix:/a\0b', undefined],
  ['UNIX:/x', undefined],
  ['', undefined],
];

const endpoints: [string, { address: string; port?: number } | undefined][] = [
  ['10.0.0.5:80', { address: '10.0.0.5', port: 80 }],
  ['[::1]:8080', { address: '[::1]', port: 8080 }],
  ['plc:65535', { address: 'plc', port: 65535 }],
  ['unix:/run/app.sock', { address: 'unix:/run/app.sock' }],
  ['unix:/run/app:80', { address: 'unix:/run/app:80' }],
  ['10.0.0.5', undefined],
  ['10.0.0.5:', undefined],
  [':80', undefined],
  ['::1:80', undefined],
  ['[::1]', undefined],
  ['plc:0', undefined],
  ['plc:65536', undefined],
  ['plc:080', undefined],
  ['plc:http', undefined],
  ['plc: 80', undefined],
  ['10.0.0.300:80', undefined],
  ['unix:run:80', undefined],
  ['', undefined],
];

describe('addressKind', () => {
  it.each(kinds)('%j is %s', (address, kind) => {
    expect(addressKind(address)).toBe(kind);
    expect(addressSchema.safeParse(address).success).toBe(kind !== undefined);
  });

  it('knows every IP address and no other number', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(addressKind(address)).toBe('ipv4');
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        expect(addressKind(`[${address}]`)).toBe('ipv6');
        expect(addressKind(address)).toBeUndefined();
      }),
    );
  });
});

describe('parseEndpoint', () => {
  it.each(endpoints)('reads %j as %j', (text, endpoint) => {
    expect(parseEndpoint(text)).toEqual(endpoint);
    if (endpoint) expect(formatEndpoint(endpoint)).toBe(text);
  });

  it('returns only what the schemas accept, and nothing else is thrown', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const endpoint = parseEndpoint(text);
        if (endpoint) expect(addressSchema.safeParse(endpoint.address).success).toBe(true);
      }),
    );
  });
});

describe('socketAddress', () => {
  it('takes the brackets and the scheme off', () => {
    expect(socketAddress({ address: '[::1]', port: 80 })).toEqual({ host: '::1', port: 80 });
    expect(socketAddress({ address: 'plc', port: 80 })).toEqual({ host: 'plc', port: 80 });
    expect(socketAddress({ address: 'unix:/run/x.sock' })).toEqual({ path: '/run/x.sock' });
  });
});
