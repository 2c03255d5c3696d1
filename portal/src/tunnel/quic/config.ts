import { limits } from '@netport/protocol';
import { type Config, quiche } from './binding.js';

/** How a tunnel finds out what its path carries: see docs/decisions.md. */
export const congestions = ['bbr', 'cubic'] as const;
export type Congestion = (typeof congestions)[number];

export interface ConfigOptions {
  role: 'client' | 'server';
  /** This portal's key and chain, PEM. */
  identity: { keyPem: string; chainPem: string };
  rootPems: readonly string[];
  /** Milliseconds without a packet from the peer. */
  silence: number;
  congestion: Congestion;
}

export const alpn = 'netport/1';
/** Each side has one stream of its own, for messages about the tunnel itself. */
const ownStreams = 1;

/**
 * Everything about a connection that is fixed before its first packet. Both sides must present a certificate that chains
 * to a root; 0-RTT and session tickets stay off, so that every connection shows its certificates.
 */
export function quicConfig({ role, identity, rootPems, silence, congestion }: ConfigOptions): Config {
  const config = quiche().Config.withBoringSslCtx(
    true,
    false,
    Buffer.from(rootPems.join('\n')),
    [Buffer.from(identity.keyPem)],
    [Buffer.from(identity.chainPem)],
  );
  config.setApplicationProtos([alpn]);
  config.setMaxIdleTimeout(silence);
  config.setMaxSendUdpPayloadSize(limits.quicPacketBytes);
  config.setMaxRecvUdpPayloadSize(limits.quicPacketBytes);
  config.setCcAlgorithmName(congestion);
  // Nobody here can send a packet at a given instant.
  config.enablePacing(false);

  // Only the client opens streams.
  config.setInitialMaxStreamsBidi(role === 'server' ? limits.streamsPerTunnel : 0);
  config.setInitialMaxStreamsUni(ownStreams);
  config.setInitialMaxStreamDataUni(limits.streamHeadBytes);
  config.setInitialMaxStreamDataBidiLocal(limits.quicStreamWindowInitialBytes);
  config.setInitialMaxStreamDataBidiRemote(limits.quicStreamWindowInitialBytes);
  config.setMaxStreamWindow(limits.streamWindowBytes);
  // Windows of streams are the limit. quiche 0.18 never gives back what a reset stream took of the connection's window, and
  // ends the connection (FLOW_CONTROL_ERROR) when streams together run into it: so it is never reached.
  config.setInitialMaxData(Number.MAX_SAFE_INTEGER);
  config.setMaxConnectionWindow(Number.MAX_SAFE_INTEGER);

  config.enableDgram(true, limits.quicDatagramQueue, limits.quicDatagramQueue);
  // One path in use and one to move to: what a hostile peer can make this side remember of paths grows with it.
  config.setActiveConnectionIdLimit(2);
  return config;
}
