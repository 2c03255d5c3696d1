import { describe, expect, it } from 'vitest';
import { addressBytes, isMapped } from './address.js';

const hex = (text: string) => Buffer.from(addressBytes(text)).toString('hex');

describe('addresses', () => {
  it.each([
    ['192.0.2.255', '00000000000000000000ffffc00002ff'],
    ['::ffff:192.0.2.255', '00000000000000000000ffffc00002ff'],
    ['::ffff:c000:2ff', '00000000000000000000ffffc00002ff'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['2001:db8::', '20010db8000000000000000000000000'],
    ['2001:db8::a:0:1', '20010db8000000000000000a00000001'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001'],
  ])('%s', (text, expected) => {
    expect(hex(text)).toBe(expected);
  });

  it('are told apart', () => {
    expect(isMapped(addressBytes('192.0.2.1'))).toBe(true);
    expect(isMapped(addressBytes('::c000:201'))).toBe(false);
  });

  it.each(['', 'relay.example', '192.0.2', '1::2::3', '[::1]'])('%j is none', (text) => {
    expect(() => addressBytes(text)).toThrow('is no IP address');
  });
});
