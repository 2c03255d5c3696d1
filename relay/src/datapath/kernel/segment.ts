import { isMapped } from './address.js';

/** One end of a leg: the address as 16 bytes (IPv4 as ::ffff:a.b.c.d), and the port. */
export interface LegEnd {
  address: Uint8Array;
  port: number;
}

/** RFC 9293 §3.1 */
export const tcpFlags = { rst: 0x04, psh: 0x08, ack: 0x10 } as const;

/** A TCP segment that the relay sends itself, in place of a socket that it has closed. */
export interface Segment {
  from: LegEnd;
  /** Of the same address family as `from`. */
  to: LegEnd;
  /** Modulo 2^32, like the acknowledgement and the timestamps. */
  seq: number;
  ack: number;
  /** `tcpFlags` */
  flags: number;
  /** As it stands in the header. */
  window: number;
  /** RFC 7323 §3.2 */
  timestamps?: { value: number; echo: number } | undefined;
  payload?: Uint8Array | undefined;
}

const tcpProtocol = 6;
/** What is usual for a first hop: RFC 1700 has 64. */
const hopLimit = 64;
const dontFragment = 0x4000;
const tcpHeaderBytes = 20;
/** Two NOPs in front, so that the values are aligned, as RFC 7323 appendix A has it: 12 bytes. */
const timestampsOption = [1, 1, 8, 10];

/** The IP packet with the segment, checksums included. */
export function encodeSegment(segment: Segment): Uint8Array {
  return isMapped(segment.to.address) ? inIpv4(segment) : inIpv6(segment);
}

/**
 * RFC 791 §3.1
 *
 *      0               1               2               3
 *     +-------+-------+---------------+-------------------------------+
 *   0 | ver=4 | IHL=5 |    TOS=0      |         total length          |
 *   4 |          id=0 (kernel)        | DF      offset=0              |
 *   8 |    TTL        |  protocol=6   |        header checksum        |
 *  12 |                            source                             |
 *  16 |                          destination                          |
 *     +---------------------------------------------------------------+
 */
function inIpv4(segment: Segment): Uint8Array {
  const [source, destination] = [segment.from.address.subarray(12), segment.to.address.subarray(12)];
  const tcp = encodeTcp(segment, [source, destination]);
  const packet = new Uint8Array(20 + tcp.length);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 0x45);
  view.setUint16(2, packet.length);
  view.setUint16(6, dontFragment);
  view.setUint8(8, hopLimit);
  view.setUint8(9, tcpProtocol);
  packet.set(source, 12);
  packet.set(destination, 16);
  view.setUint16(10, checksum([packet.subarray(0, 20)]));
  packet.set(tcp, 20);
  return packet;
}

/**
 * RFC 8200 §3
 *
 *      0               1               2               3
 *     +-------+---------------+---------------------------------------+
 *   0 | ver=6 |   class=0     |             flow label=0              |
 *   4 |       payload length          | next header=6 |  hop limit    |
 *   8 |                       source (16 bytes)                       |
 *  24 |                    destination (16 bytes)                     |
 *     +---------------------------------------------------------------+
 */
function inIpv6(segment: Segment): Uint8Array {
  const [source, destination] = [segment.from.address, segment.to.address];
  const tcp = encodeTcp(segment, [source, destination]);
  const packet = new Uint8Array(40 + tcp.length);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 0x60);
  view.setUint16(4, tcp.length);
  view.setUint8(6, tcpProtocol);
  view.setUint8(7, hopLimit);
  packet.set(source, 8);
  packet.set(destination, 24);
  packet.set(tcp, 40);
  return packet;
}

/** Header, options and payload; the checksum covers the addresses too (RFC 9293 §3.1, RFC 8200 §8.1). */
function encodeTcp(segment: Segment, addresses: readonly Uint8Array[]): Uint8Array {
  const { timestamps, payload = new Uint8Array() } = segment;
  const headerBytes = tcpHeaderBytes + (timestamps ? timestampsOption.length + 8 : 0);
  const tcp = new Uint8Array(headerBytes + payload.length);
  const view = new DataView(tcp.buffer);
  view.setUint16(0, segment.from.port);
  view.setUint16(2, segment.to.port);
  view.setUint32(4, segment.seq);
  view.setUint32(8, segment.ack);
  view.setUint8(12, (headerBytes / 4) << 4);
  view.setUint8(13, segment.flags);
  view.setUint16(14, segment.window);
  if (timestamps) {
    tcp.set(timestampsOption, tcpHeaderBytes);
    view.setUint32(tcpHeaderBytes + 4, timestamps.value);
    view.setUint32(tcpHeaderBytes + 8, timestamps.echo);
  }
  tcp.set(payload, headerBytes);
  const pseudo = Uint8Array.of(0, tcpProtocol, tcp.length >> 8, tcp.length & 0xff);
  view.setUint16(16, checksum([...addresses, pseudo, tcp]));
  return tcp;
}

/** RFC 1071. Every part but the last has an even number of bytes. */
function checksum(parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (const [i, byte] of part.entries()) sum += i % 2 === 0 ? byte << 8 : byte;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
