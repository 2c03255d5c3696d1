import { encodeReadyMark } from '@netport/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressBytes } from './address.js';
import { encodeSegment, type Segment, tcpFlags } from './segment.js';

const mark: Segment = {
  from: { address: addressBytes('192.0.2.1'), port: 443 },
  to: { address: addressBytes('198.51.100.7'), port: 50000 },
  seq: 0xfffffffe,
  ack: 0x80000001,
  flags: tcpFlags.psh | tcpFlags.ack,
  window: 501,
  timestamps: { value: 0xdeadbeef, echo: 0x01020304 },
  payload: encodeReadyMark(),
};
const reset: Segment = {
  from: { address: addressBytes('2001:db8::1'), port: 443 },
  to: { address: addressBytes('2001:db8:ffff::2'), port: 50000 },
  seq: 1,
  ack: 2,
  flags: tcpFlags.rst | tcpFlags.ack,
  window: 0,
};
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Sums 16-bit words in ones' complement, with the carry taken around at once; 0xffff over what holds a right checksum. */
function onesComplement(bytes: Uint8Array): number {
  const padded = Buffer.concat([bytes, Buffer.alloc(bytes.length % 2)]);
  let sum = 0;
  for (let i = 0; i < padded.length; i += 2) {
    sum += padded.readUInt16BE(i);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

/** What the TCP checksum covers, of a whole packet. */
function covered(packet: Uint8Array): Uint8Array {
  const [addresses, tcp] =
    packet[0] === 0x60 ? [packet.subarray(8, 40), packet.subarray(40)] : [packet.subarray(12, 20), packet.subarray(20)];
  return Buffer.concat([addresses, Uint8Array.of(0, 6, tcp.length >> 8, tcp.length & 255), tcp]);
}

describe('segments', () => {
  it('carry the ready mark over IPv4', () => {
    const packet = encodeSegment(mark);
    expect(hex(packet.subarray(0, 10))).toBe('4500003c000040004006');
    expect(onesComplement(packet.subarray(0, 20))).toBe(0xffff);
    expect(hex(packet.subarray(12, 36))).toBe('c0000201c633640701bbc350fffffffe80000001801801f5');
    expect(hex(packet.subarray(38))).toBe('00000101080adeadbeef010203044e504f4b01000000');
    expect(onesComplement(covered(packet))).toBe(0xffff);
  });

  it('reset over IPv6, without timestamps', () => {
    const packet = encodeSegment(reset);
    expect(hex(packet.subarray(0, 40))).toBe(
      '6000000000140640' + '20010db8000000000000000000000001' + '20010db8ffff00000000000000000002',
    );
    expect(hex(packet.subarray(40, 56))).toBe('01bbc35000000001000000025014' + '0000');
    expect(packet).toHaveLength(60);
    expect(onesComplement(covered(packet))).toBe(0xffff);
  });

  it('have a right checksum whatever is in them', () => {
    const u32 = fc.nat(0xffffffff);
    const v4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => addressBytes([...bytes].join('.')));
    const v6 = fc.uint8Array({ minLength: 16, maxLength: 16 });
    const segment = fc.oneof(v4, v6).chain((address) =>
      fc.record({
        from: fc.record({ address: fc.constant(address), port: fc.nat(0xffff) }),
        to: fc.record({ address: fc.constant(address), port: fc.nat(0xffff) }),
        seq: u32,
        ack: u32,
        flags: fc.nat(0xff),
        window: fc.nat(0xffff),
        timestamps: fc.option(fc.record({ value: u32, echo: u32 }), { nil: undefined }),
        payload: fc.uint8Array({ maxLength: 33 }),
      }),
    );
    fc.assert(
      fc.property(segment, (value) => {
        const packet = encodeSegment(value);
        expect(onesComplement(covered(packet))).toBe(0xffff);
        if (packet[0] === 0x45) expect(onesComplement(packet.subarray(0, 20))).toBe(0xffff);
      }),
    );
  });
});
