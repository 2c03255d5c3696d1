import type { Socket } from 'node:net';
import { formatSocketAddress, type PolicyRule, type StreamHead } from '@netport/protocol';
import { connectTarget } from './connector/target.js';
import { connectUdpTarget } from './connector/udp-target.js';
import type { DatagramDrops, DatagramEnd } from './datagram-end.js';
import { pumpFlow } from './flow-pump.js';
import { type Pump, pump, resetSocket } from './pump.js';
import type { Tunnel, TunnelFlow, TunnelStream } from './tunnel/tunnel.js';

/**
 * How applications of one protocol are carried: an `End` is the application's side at this portal, a `Link` the tunnel's.
 * Everything that decides is the forwarder's, and the same for all.
 */
export interface Carrier<End, Link> {
  open(tunnel: Tunnel, head: StreamHead, abandon: AbortSignal): Promise<Link>;
  connect(rule: PolicyRule, abandon: AbortSignal): Promise<End>;
  /** The address and port that `connect` came to; undefined for a unix socket. */
  dialled(end: End): string | undefined;
  pump(end: End, link: Link): Pump;
  dropEnd(end: End): void;
  dropLink(link: Link): void;
}

export const tcpCarrier: Carrier<Socket, TunnelStream> = {
  open: (tunnel, head, abandon) => tunnel.openStream(head, abandon),
  connect: connectTarget,
  dialled: ({ remoteAddress, remotePort }) =>
    remoteAddress === undefined ? undefined : formatSocketAddress(remoteAddress, remotePort),
  pump,
  dropEnd: resetSocket,
  dropLink: (stream) => stream.reset(),
};

export const udpCarrier = (drops: DatagramDrops): Carrier<DatagramEnd, TunnelFlow> => ({
  open: (tunnel, head, abandon) => tunnel.openFlow(head, abandon),
  connect: (rule) => connectUdpTarget(rule, drops),
  dialled: (end) => end.address,
  pump: pumpFlow,
  dropEnd: (end) => end.close(),
  dropLink: (flow) => flow.close(),
});
