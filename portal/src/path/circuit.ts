import type { Trust } from '@netport/pki';
import { type LegOffer, limits, NetportError, type SpiffeId } from '@netport/protocol';
import { openH2Tunnel } from '../tunnel/h2.js';
import type { IncomingFlow, IncomingStream, Tunnel } from '../tunnel/tunnel.js';
import { bindLeg } from './leg.js';
import { secure } from './secure.js';

export interface CircuitOptions {
  identity: { keyPem: string; chainPem: string };
  trust: () => Trust;
  now: () => Date;
  onStream(peer: SpiffeId, stream: IncomingStream): void;
  onFlow(peer: SpiffeId, flow: IncomingFlow): void;
}

/**
 * From one leg of a circuit to an authenticated tunnel: bind, TLS, verify, HTTP/2. Both portals run this, with the roles
 * that the offers gave them. Rejects with the code of the step that failed, and leaves nothing open.
 */
export async function buildTunnel(leg: LegOffer, options: CircuitOptions): Promise<Tunnel> {
  if (leg.transport !== 'tcp') throw new NetportError('tunnel_failed', 'this version carries tcp only');
  const deadline = options.now().getTime() + limits.tunnelSetupTimeout;
  const left = (): number => Math.max(0, deadline - options.now().getTime());

  const joined = await bindLeg(leg, left());
  const { socket, peer } = await secure({
    socket: joined,
    role: leg.role,
    identity: options.identity,
    trust: options.trust(),
    peer: leg.peer,
    now: options.now,
    timeout: left(),
  });
  const impatience = setTimeout(() => socket.destroy(), left());
  try {
    return await openH2Tunnel({
      socket,
      context: {
        peer: leg.peer,
        serial: peer.serial,
        role: leg.role,
        transport: 'tcp',
        relay: leg.relay,
        circuitId: leg.circuitId,
      },
      onStream: (stream) => options.onStream(leg.peer, stream),
      onFlow: (flow) => options.onFlow(leg.peer, flow),
    });
  } finally {
    clearTimeout(impatience);
  }
}
