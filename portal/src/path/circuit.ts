import type { Socket } from 'node:net';
import type { Trust } from '@netport/pki';
import { type LegOffer, limits, type SpiffeId } from '@netport/protocol';
import { noTracing, type Trace } from '@netport/runtime';
import { openH2Tunnel } from '../tunnel/h2.js';
import { requireQuic } from '../tunnel/quic/binding.js';
import type { Congestion } from '../tunnel/quic/config.js';
import { openQuicTunnel } from '../tunnel/quic/open.js';
import type { IncomingFlow, IncomingStream, Tunnel } from '../tunnel/tunnel.js';
import { bindLeg } from './leg.js';
import { bindLegPath, type LegPath } from './leg-path.js';
import { secure } from './secure.js';
import { followCongestion } from './tcp-congestion.js';

export interface CircuitOptions {
  identity: { keyPem: string; chainPem: string };
  trust: () => Trust;
  now: () => Date;
  /** Of either transport. */
  congestion?: Congestion;
  /** Why a tunnel over TCP follows the kernel's default instead. */
  onOwnCongestion?(reason: string): void;
  /** An HTTP proxy that TCP goes through. */
  proxy?: URL | undefined;
  /** What the set-up is part of. */
  trace?: Trace;
  /** Ends the set-up: nobody waits for its tunnel any more. */
  abandon?: AbortSignal;
  /** What a tunnel over UDP runs over. */
  onPath?(tunnel: Tunnel, path: LegPath): void;
  onStream(peer: SpiffeId, stream: IncomingStream): void;
  onFlow(peer: SpiffeId, flow: IncomingFlow): void;
}

/** Milliseconds that are left for the set-up. */
type Left = () => number;

/**
 * From one leg of a circuit to an authenticated tunnel. Both portals run this, with the roles that the offers gave them.
 * Rejects with the code of the step that failed, and leaves nothing open.
 */
export function buildTunnel(leg: LegOffer, options: CircuitOptions): Promise<Tunnel> {
  const deadline = options.now().getTime() + limits.tunnelSetupTimeout;
  const left = (): number => Math.max(0, deadline - options.now().getTime());
  return leg.transport === 'udp' ? overUdp(leg, options, left) : overTcp(leg, options, left);
}

/** Bind, TLS, verify, HTTP/2. */
async function overTcp(leg: LegOffer, options: CircuitOptions, left: Left): Promise<Tunnel> {
  const trace = traceOf(options);
  const { abandon, proxy } = options;
  const joined = await trace.step('leg.bind', () => bindLeg(leg, { timeout: left(), abandon, proxy }));
  const reason = options.congestion && followCongestion(joined, options.congestion);
  if (reason) options.onOwnCongestion?.(reason);
  return trace.step('tunnel.handshake', () => shakeHands(joined, leg, options, left));
}

async function shakeHands(joined: Socket, leg: LegOffer, options: CircuitOptions, left: Left): Promise<Tunnel> {
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
      context: { ...contextOf(leg), serial: peer.serial, root: peer.rootFingerprint, transport: 'tcp' },
      ...handlersOf(leg, options),
    });
  } finally {
    clearTimeout(impatience);
  }
}

/** Bind, QUIC with its TLS, verify. */
async function overUdp(leg: LegOffer, options: CircuitOptions, left: Left): Promise<Tunnel> {
  // Throws where there is no QUIC, before the relay is bothered.
  await requireQuic();
  const trace = traceOf(options);
  const path = await trace.step('leg.bind', () => bindLegPath(leg, left(), options.abandon));
  const open = () =>
    openQuicTunnel({
      path,
      context: contextOf(leg),
      identity: options.identity,
      trust: options.trust(),
      now: options.now,
      ...(options.congestion && { congestion: options.congestion }),
      ...(options.abandon && { abandon: options.abandon }),
      timeout: left(),
      ...handlersOf(leg, options),
    });
  const tunnel = await trace.step('tunnel.handshake', open);
  options.onPath?.(tunnel, path);
  return tunnel;
}

const traceOf = ({ trace = noTracing.from() }: CircuitOptions): Trace => trace;

const contextOf = ({ peer, role, relay, circuitId }: LegOffer) => ({ peer, role, relay, circuitId });

const handlersOf = ({ peer }: LegOffer, options: CircuitOptions) => ({
  onStream: (stream: IncomingStream) => options.onStream(peer, stream),
  onFlow: (flow: IncomingFlow) => options.onFlow(peer, flow),
});
