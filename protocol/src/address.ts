import { z } from 'zod';

/**
 * Where an application listens or is dialled. An address is an IPv4 address, an IPv6 address in brackets, a DNS name or
 * `unix:/path`; a port goes with each but the last.
 */
/** No leading zeros: resolvers read those as octal. */
const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const dnsName = /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;
/** Resolvers read a name that ends in a number (WHATWG URL §3.5), hexadecimal included, as an IPv4 address. */
const endsInNumber = /(?:^|\.)(?:\d+|0x[\da-f]*)$/i;
const unixPath = /^unix:\/[^\0]+$/;
/** sun_path is 108 bytes on Linux, with its final NUL. */
const unixPathBytes = 107;
const ipv6 = z.ipv6();

export type AddressKind = 'ipv4' | 'ipv6' | 'dns' | 'unix';

export function addressKind(address: string): AddressKind | undefined {
  if (unixPath.test(address)) {
    const path = new TextEncoder().encode(address.slice('unix:'.length));
    return path.length <= unixPathBytes ? 'unix' : undefined;
  }
  if (ipv4.test(address)) return 'ipv4';
  if (address.startsWith('[') && address.endsWith(']')) {
    return ipv6.safeParse(address.slice(1, -1)).success ? 'ipv6' : undefined;
  }
  // "10.0.0.300" is a mistyped address, never a name to resolve.
  if (!endsInNumber.test(address) && dnsName.test(address)) return 'dns';
  return undefined;
}

export const addressSchema = z
  .string()
  .refine(
    (text) => addressKind(text) !== undefined,
    'use an IPv4 address, an IPv6 address in brackets, a DNS name or unix:/path',
  );
export const portSchema = z.int().min(1).max(65535);

/** What net.connect and net.listen take: `{ path }`, or `{ host, port }` with the brackets off. */
export function socketAddress(endpoint: {
  address: string;
  port?: number | undefined;
}): { path: string } | { host: string; port: number } {
  const { address, port } = endpoint;
  if (address.startsWith('unix:')) return { path: address.slice('unix:'.length) };
  return { host: address.startsWith('[') ? address.slice(1, -1) : address, port: port ?? 0 };
}

/** `10.0.0.5:80`, `[::1]:80`, `unix:/run/app.sock`: as people write it, and as `parseEndpoint` reads it. */
export const formatEndpoint = (endpoint: { address: string; port?: number | undefined }): string =>
  endpoint.port === undefined ? endpoint.address : `${endpoint.address}:${endpoint.port}`;

/** The inverse of `formatEndpoint`; undefined where the text is neither `ADDRESS:PORT` nor `unix:/path`. */
export function parseEndpoint(text: string): { address: string; port?: number } | undefined {
  if (addressKind(text) === 'unix') return { address: text };
  const [, address, port] = /^(.+):([1-9]\d{0,4})$/.exec(text) ?? [];
  if (address === undefined || addressKind(address) === undefined || address.startsWith('unix:')) return undefined;
  return portSchema.safeParse(Number(port)).success ? { address, port: Number(port) } : undefined;
}

/** Host and port as a socket reports them, in the same notation. */
export const formatSocketAddress = (host: string | undefined, port: number | undefined): string =>
  host === undefined ? 'unix' : `${host.includes(':') ? `[${host}]` : host}:${port ?? 0}`;
