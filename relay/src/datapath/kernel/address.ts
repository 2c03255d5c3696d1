import { isIP } from 'node:net';

/** Addresses as the program keeps them: 16 bytes, IPv4 as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). */

const mappedPrefix = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** From an IP address as node:net and node:dgram give it; a zone is left out. Throws TypeError on anything else. */
export function addressBytes(address: string): Uint8Array {
  const [bare = ''] = address.split('%');
  const version = isIP(bare);
  if (version === 0) throw new TypeError(`${JSON.stringify(address)} is no IP address`);
  if (version === 4) return Uint8Array.from([...mappedPrefix, ...bare.split('.').map(Number)]);
  // The URL parser leaves nothing but groups and one '::', the dotted ending included.
  const [head = '', tail = ''] = new URL(`http://[${bare}]`).hostname.slice(1, -1).split('::');
  const [front, back] = [groups(head), groups(tail)];
  const gap = new Array<number>(8 - front.length - back.length).fill(0);
  return Uint8Array.from([...front, ...gap, ...back].flatMap((group) => [group >> 8, group & 0xff]));
}

const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));

/** Whether it is an IPv4 address. */
export const isMapped = (bytes: Uint8Array): boolean => mappedPrefix.every((byte, index) => bytes[index] === byte);
