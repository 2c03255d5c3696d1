import { request } from 'node:http';
import type { Socket } from 'node:net';
import { addAbortSignal } from 'node:stream';
import { limits, NetportError } from '@netport/protocol';

/** `http://[user:password@]host[:port]`. Throws `invalid_request` on anything else. */
export function parseProxy(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' && url.hostname !== '') return url;
  throw new NetportError('invalid_request', 'a proxy is http://host:port or http://user:password@host:port');
}

/**
 * A connection by way of an HTTP proxy (CONNECT, RFC 9110 §9.3.6), paused. Rejects with `unavailable`; the message says what the
 * proxy did.
 */
export function connectThrough(
  proxy: URL,
  to: { host: string; port: number },
  { timeout = limits.controlConnectTimeout, signal }: { timeout?: number; signal?: AbortSignal | undefined } = {},
): Promise<Socket> {
  const authority = `${to.host.includes(':') ? `[${to.host}]` : to.host}:${to.port}`;
  return new Promise((resolve, reject) => {
    const outgoing = request({
      agent: false,
      method: 'CONNECT',
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: Number(proxy.port || 80),
      path: authority,
      headers: { host: authority, ...authorization(proxy) },
      ...(signal && { signal }),
    });
    const fail = (what: string, cause?: unknown): void => {
      clearTimeout(timer);
      outgoing.destroy();
      reject(new NetportError('unavailable', `proxy ${proxy.host}: ${what}`, { cause }));
    };
    const timer = setTimeout(() => fail('it does not answer'), timeout);
    outgoing.once('connect', ({ statusCode = 0 }, socket: Socket, head) => {
      if (statusCode < 200 || statusCode > 299) {
        socket.destroy();
        fail(`it answers CONNECT ${authority} with status ${statusCode}`);
        return;
      }
      clearTimeout(timer);
      if (head.length > 0) socket.unshift(head);
      if (signal) addAbortSignal(signal, socket);
      resolve(socket.setNoDelay());
    });
    outgoing.once('response', ({ statusCode }) => fail(`it answers CONNECT with status ${statusCode}`));
    outgoing.on('error', (error) => fail(error.message, error));
    outgoing.end();
  });
}

/** Basic (RFC 7617), where the URL has a user. */
function authorization({ username, password }: URL): { 'proxy-authorization'?: string } {
  if (username === '') return {};
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}
