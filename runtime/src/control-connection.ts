import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { peerChain, type Trust, tlsError, verifyPeer } from '@netport/pki';
import { type IdentityKind, limits, NetportError, type TrustDomain } from '@netport/protocol';
import { connectThrough } from './proxy.js';

export interface ControlConnectionOptions {
  url: string;
  trust: Trust;
  trustDomain?: TrustDomain | undefined;
  /** The client certificate, once there is one. */
  credentials?: { keyPem: string; chainPem: string } | undefined;
  now?: () => Date;
  /** An HTTP proxy on the way. */
  proxy?: URL | undefined;
}

const kind: IdentityKind = 'control';

/** TLS to the control server. Resolves only when its certificate was checked; nothing was sent before. Throws `cert_*` or `unavailable`. */
export async function connectControl(options: ControlConnectionOptions): Promise<TLSSocket> {
  const { url, trust, trustDomain, credentials, proxy } = options;
  const tls = {
    ca: [...trust.rootPems],
    ...(credentials && { key: credentials.keyPem, cert: credentials.chainPem }),
    // The name in the URL may be a port forward: identity is the SPIFFE ID, checked below.
    checkServerIdentity: () => undefined,
  };
  const socket = await openTls(url, tls, proxy);
  try {
    verifyPeer({
      chain: peerChain(socket),
      trust,
      now: options.now?.() ?? new Date(),
      usage: 'server',
      expect: { kind, ...(trustDomain && { trustDomain }) },
    });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** TLS to the host of an https URL, within limits.controlConnectTimeout. */
export async function openTls(url: string, options: ConnectionOptions, proxy?: URL): Promise<TLSSocket> {
  const { hostname, port } = new URL(url);
  const server = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) };
  const tunnel =
    proxy && (await connectThrough(proxy, server).catch((error) => Promise.reject(unreachable(url, error))));
  return new Promise((resolve, reject) => {
    const socket = connect({ ...server, ...(tunnel && { socket: tunnel }), minVersion: 'TLSv1.2', ...options });
    const fail = (error: Error & { code?: string }): void => {
      clearTimeout(timer);
      socket.destroy();
      const mapped = tlsError(error);
      reject(mapped.code === 'tunnel_failed' ? unreachable(url, error) : mapped);
    };
    const timer = setTimeout(() => fail(new Error('timed out')), limits.controlConnectTimeout);
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

const unreachable = (url: string, cause: Error): NetportError =>
  new NetportError('unavailable', `cannot reach the control server at ${url}: ${cause.message}`, { cause });
