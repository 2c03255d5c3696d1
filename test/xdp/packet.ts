import { addressBytes } from '@netport/relay';

/** What stands in a frame. Everything that is left out has the value that an ordinary sender gives it. */
export interface Packet {
  /** Ethernet addresses: destination and source. */
  ours: Uint8Array;
  theirs: Uint8Array;
  /** Tags, the outer one first. */
  vlans?: number[];
  source: string;
  destination: string;
  ttl?: number;
  /** IPv4: a multiple of 4 bytes. */
  ipOptions?: Uint8Array;
  /** IPv6: the type of one empty extension header; 44 is a fragment header. */
  extension?: number;
  /** Offset in units of 8 bytes. */
  fragment?: { offset: number; more: boolean };
  /** What the lengths in the headers are too great by. */
  missing?: number;
  sourcePort: number;
  destinationPort: number;
  payload?: Uint8Array;
  /** Absent: UDP. */
  tcp?: Segment;
  /** What the transport checksum is wrong by, in ones' complement; `none`: there is none. */
  wrong?: number | 'none';
  /** The same for IPv4's. */
  wrongIp?: number;
}

export interface Segment {
  seq: number;
  ack: number;
  flags: number;
  window: number;
  /** A multiple of 4 bytes. */
  options?: Uint8Array;
}

export const flag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 };

const be16 = (value: number) => Uint8Array.of(value >> 8, value);
const be32 = (value: number) => Uint8Array.of(value >> 24, value >> 16, value >> 8, value);
const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

/** The Internet checksum (RFC 1071) over everything, from the first byte to the last. */
export function checksum(bytes: Uint8Array, wrong = 0): number {
  let sum = wrong;
  for (const [index, byte] of bytes.entries()) sum += index % 2 ? byte : byte << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function put16(bytes: Uint8Array, at: number, value: number): Uint8Array {
  bytes.set(be16(value), at);
  return bytes;
}

/** A TCP option with its length. */
export const option = (kind: number, ...words: number[]) =>
  join(Uint8Array.of(kind, 2 + words.length * 4), ...words.map(be32));
/** As every stack writes them: aligned by two NOPs each. */
export const nop = Uint8Array.of(1);
export const timestamps = (tsval: number, tsecr: number) => join(nop, nop, option(8, tsval, tsecr));
export const sack = (...edges: number[]) => join(nop, nop, option(5, ...edges));

/** The frame from its Ethernet header on. */
export function frame(packet: Packet): Uint8Array {
  const { ours, theirs, vlans = [] } = packet;
  const isIpv6 = packet.source.includes(':');
  const tags = vlans.flatMap((tci, index) => [vlans.length === 2 && index === 0 ? 0x88a8 : 0x8100, tci].map(be16));
  const type = be16(isIpv6 ? 0x86dd : 0x0800);
  return join(ours, theirs, ...tags, type, isIpv6 ? ipv6(packet) : ipv4(packet));
}

const protocolOf = ({ tcp }: Packet) => (tcp ? 6 : 17);

function ipv4(packet: Packet): Uint8Array {
  const { ttl = 64, ipOptions = new Uint8Array(), fragment, missing = 0, wrongIp } = packet;
  const body = transport(packet);
  const headerBytes = 20 + ipOptions.byteLength;
  const header = join(
    Uint8Array.of(0x40 | (headerBytes / 4), 0),
    be16(headerBytes + body.byteLength + missing),
    be16(0x1234),
    be16(fragment ? (fragment.more ? 0x2000 : 0) | fragment.offset : 0x4000),
    Uint8Array.of(ttl, protocolOf(packet), 0, 0),
    addressBytes(packet.source).subarray(12),
    addressBytes(packet.destination).subarray(12),
    ipOptions,
  );
  return join(put16(header, 10, checksum(header, wrongIp)), body);
}

function ipv6(packet: Packet): Uint8Array {
  const { ttl = 64, extension, fragment, missing = 0 } = packet;
  const extra =
    extension === undefined
      ? new Uint8Array()
      : join(
          Uint8Array.of(protocolOf(packet), 0),
          be16(fragment ? (fragment.offset << 3) | (fragment.more ? 1 : 0) : 0x0104),
          be32(0),
        );
  const body = join(extra, transport(packet));
  return join(
    Uint8Array.of(0x60, 0, 0, 0),
    be16(body.byteLength + missing),
    Uint8Array.of(extension ?? protocolOf(packet), ttl),
    addressBytes(packet.source),
    addressBytes(packet.destination),
    body,
  );
}

function transport(packet: Packet): Uint8Array {
  const { sourcePort, destinationPort, payload = new Uint8Array(), tcp, wrong = 0, missing = 0 } = packet;
  const ports = join(be16(sourcePort), be16(destinationPort));
  const bytes = tcp
    ? join(ports, segment(tcp), payload)
    : join(ports, be16(8 + payload.byteLength + missing), be16(0), payload);
  if (wrong === 'none') return bytes;
  const addresses = join(addressBytes(packet.source), addressBytes(packet.destination));
  // IPv4 counts its 4 bytes only: those in front of them are 0xffff in both, which sums to nothing.
  const pseudo = join(addresses, be32(bytes.byteLength + missing), be32(protocolOf(packet)));
  const sum = checksum(join(pseudo, bytes), wrong);
  return tcp ? put16(bytes, 16, sum) : put16(bytes, 6, sum || 0xffff);
}

function segment({ seq, ack, flags, window, options = new Uint8Array() }: Segment): Uint8Array {
  const words = 5 + options.byteLength / 4;
  return join(be32(seq), be32(ack), Uint8Array.of(words << 4, flags), be16(window), be16(0), be16(0), options);
}
