import { hostname } from 'node:os';
import { formatSocketAddress, NetportError } from '@netport/protocol';
import { parseListenAddress } from '@netport/runtime';

export interface ServerAddresses {
  listen: { host: string; port: number };
  /** DNS names and IP addresses for the server's certificate. */
  names: string[];
  /** `https://host:port` for join tokens, once the port is known. */
  url(port: number): string;
}

/** Where to listen, and by what names others reach that. Throws `invalid_request`. */
export function serverAddresses(options: { listen: string; publicUrl?: string | undefined }): ServerAddresses {
  const listen = parseListenAddress(options.listen);
  const publicUrl = options.publicUrl === undefined ? undefined : parsePublicUrl(options.publicUrl);
  const isWildcard = listen.host === '0.0.0.0' || listen.host === '::';
  const host = isWildcard ? hostname() : listen.host;
  const publicHost = publicUrl?.hostname.replace(/^\[|\]$/g, '') ?? host;
  return {
    listen,
    names: [...new Set([publicHost, 'localhost', '127.0.0.1', '::1', hostname()])],
    url: (port) => publicUrl?.origin ?? `https://${formatSocketAddress(host, port)}`,
  };
}

function parsePublicUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || `${url.origin}/` !== url.href) {
    throw new NetportError('invalid_request', `--public-url "${text}" is not https://HOST[:PORT]`);
  }
  return url;
}
