import type { ErrorCode } from '@netport/protocol';
import type { DatagramJoin, Endpoint, UdpLegs } from './datapath.js';

/** Forwards datagrams in this process. `counters` and `packets` are what came from each leg's peer. */
export function joinDatagrams({ peers, send }: UdpLegs): DatagramJoin {
  const bound: [Endpoint, Endpoint] = [...peers];
  const bytes: [number, number] = [0, 0];
  const packets: [number, number] = [0, 0];
  let ended: (code: ErrorCode) => void = () => {};
  const closed = new Promise<ErrorCode>((resolve) => {
    ended = resolve;
  });
  return {
    datapath: 'userspace',
    counters: () => [...bytes],
    packets: () => [...packets],
    received: (leg, from, datagram) => {
      const { address, port } = bound[leg];
      if (from.port !== port || from.address !== address) return false;
      bytes[leg] += datagram.length;
      packets[leg]++;
      const other = leg === 0 ? 1 : 0;
      send(other, bound[other], datagram);
      return true;
    },
    move: (leg, peer) => {
      bound[leg] = peer;
    },
    end: () => ended('circuit_closed'),
    closed,
  };
}
