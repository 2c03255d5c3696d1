import { connect, type TLSSocket } from 'node:tls';
import { peerChain, type Trust, tlsError, verifyPeer } from '@netport/pki';
import { type IdentityKind, limits, NetportError, type TrustDomain } from '@netport/protocol';

export interface ControlConnectionOptions {
  url: string;
  trust: Trust;
  trustDomain?: TrustDomain | undefined;
  /** The client certificate, once there is one. */
  credentials?: { keyPem: string; chainPem: string } | undefined;
  now?: () => Date;
}

const server: IdentityKind = 'control';

/** TLS to the control server. Resolves only when its certificate was checked; nothing was sent before. Throws `cert_*` or `unavailable`. */
export async function connectControl(options: ControlConnectionOptions): Promise<TLSSocket> {
  const { url, trust, trustDomain, credentials } = options;
  const socket = await openTls(url, {
    ca: [...trust.rootPems],
    ...(credentials && { key: credentials.keyPem, cert: credentials.chainPem }),
    // The name in the URL may be a port forward: identity is the SPIFFE ID, checked below.
    checkServerIdentity: () => undefined,
  });
  try {
    verifyPeer({
      chain: peerChain(socket),
      trust,
      now: options.now?.() ?? new Date(),
      usage: 'server',
      expect: { kind: server, ...(trustDomain && { trustDomain }) },
    });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** TLS to the host of an https URL, within limits.controlConnectTimeout. */
export function openTls(url: string, options: import('node:tls').ConnectionOptions): Promise<TLSSocket> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port || 443), minVersion: 'TLSv1.2', ...options });
    const fail = (error: Error & { code?: string }): void => {
      clearTimeout(timer);
      socket.destroy();
      const mapped = tlsError(error);
      const message = `cannot reach the control server at ${url}: ${error.message}`;
      reject(mapped.code === 'tunnel_failed' ? new NetportError('unavailable', message, { cause: error }) : mapped);
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
