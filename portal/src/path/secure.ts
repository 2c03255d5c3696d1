import type { Socket } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { type PeerIdentity, peerChain, type Trust, tlsError, verifyPeer } from '@netport/pki';
import { limits, NetportError, type SpiffeId } from '@netport/protocol';

export interface SecureOptions {
  /** A joined leg: the other end is whoever the relay joined it with, until proved to be the peer. */
  socket: Socket;
  role: 'client' | 'server';
  /** This portal's key and chain, PEM. */
  identity: { keyPem: string; chainPem: string };
  trust: Trust;
  /** Exactly who has to be at the other end. */
  peer: SpiffeId;
  now: () => Date;
  timeout?: number;
}

/**
 * Mutual TLS 1.3 with exactly that peer. Resolves before a byte of the tunnel went either way. Rejects with a `cert_*`
 * code or `tunnel_failed`, and the socket is gone.
 */
export async function secure(options: SecureOptions): Promise<{ socket: TLSSocket; peer: PeerIdentity }> {
  const { role, trust, peer, now } = options;
  const socket = await handshake(options);
  try {
    const usage = role === 'client' ? 'server' : 'client';
    return { socket, peer: verifyPeer({ chain: peerChain(socket), trust, now: now(), usage, expect: peer }) };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** The lightest suite with hardware help first; all of TLS 1.3's are sound. */
const suites = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';

function handshake({ socket, role, identity, trust, timeout }: SecureOptions): Promise<TLSSocket> {
  const options = {
    key: identity.keyPem,
    cert: identity.chainPem,
    ca: [...trust.rootPems],
    minVersion: 'TLSv1.3' as const,
    ciphers: suites,
    ALPNProtocols: ['h2'],
    rejectUnauthorized: true,
  };

  return new Promise((resolve, reject) => {
    let tls: TLSSocket | undefined;
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(tlsError(rejection(tls) ?? error));
    };
    const timer = setTimeout(
      () => fail(new NetportError('tunnel_failed', 'the TLS handshake took too long')),
      timeout ?? limits.tunnelSetupTimeout,
    );
    socket.once('error', fail);
    const closed = new NetportError('tunnel_failed', 'the peer closed during the TLS handshake');
    // After the TLS layer's own events, which know more.
    socket.once('close', () => setImmediate(fail, closed));
    const succeed = (secured: TLSSocket): void => {
      clearTimeout(timer);
      resolve(secured);
    };

    if (role === 'client') {
      // The name is a SPIFFE ID, which verifyPeer checks; TLS's own check is for host names.
      tls = connect({ ...options, socket, checkServerIdentity: () => undefined });
      const secured = tls;
      secured.once('error', fail).once('secureConnect', () => succeed(secured));
    } else {
      // A server that never listens: Node's way to run the server side on a socket that was dialled.
      createServer({ ...options, requestCert: true })
        .once('secureConnection', succeed)
        .once('tlsClientError', (error, failed) => {
          tls = failed;
          fail(error);
        })
        .emit('connection', socket);
    }
  });
}

/** Why this side did not believe the peer's certificate. Node types it as an error and gives the name of one. */
function rejection(tls: TLSSocket | undefined): Error | undefined {
  const name: unknown = tls?.authorizationError;
  return name ? Object.assign(new Error(String(name)), { code: String(name) }) : undefined;
}
