import type { DatagramPath } from '../tunnel/quic/path.js';
import { bindUdpLeg, type UdpLeg, type UdpLegOffer } from './udp-leg.js';

/** The first flight of a handshake, and what a relay may make of it. */
const mostEarly = 16;

/** Binds a UDP leg, and makes it a path. Rejects as `bindUdpLeg` does. */
export async function bindLegPath(offer: UdpLegOffer, timeout: number, abandon?: AbortSignal): Promise<DatagramPath> {
  const early: Uint8Array[] = [];
  let listener: ((datagrams: Uint8Array[]) => void) | undefined;
  const leg: UdpLeg = await bindUdpLeg(offer, {
    timeout,
    ...(abandon && { abandon }),
    onDatagrams: (datagrams) => {
      if (listener) listener(datagrams);
      // The peer may have heard of the join first.
      else for (const datagram of datagrams.slice(0, mostEarly - early.length)) early.push(Uint8Array.from(datagram));
    },
  });
  return {
    sendMany: (datagrams, count) => leg.sendMany(datagrams, count),
    set onDatagrams(next: (datagrams: Uint8Array[]) => void) {
      listener = next;
      if (early.length > 0) next(early.splice(0));
    },
    close: () => leg.close(),
  };
}
