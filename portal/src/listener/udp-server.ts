import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { openUdpServer, peerOf, unavailable } from '@netport/dataplane';
import { formatSocketAddress, limits } from '@netport/protocol';

export interface UdpServerOptions {
  address: string;
  port: number;
  /** What one peer sent in a row, lent until this returns. A peer is a key that this socket understands. */
  onDatagrams: (datagrams: readonly Uint8Array[], from: string) => void;
  /** Something was lost here, or refused by a peer's machine. */
  onError: () => void;
}

/** A UDP port of this machine. */
export interface UdpServer {
  /** Returns how many the system took. Their memory is free again on return. */
  send(datagrams: readonly Uint8Array[], to: string): number;
  /** The peer as people write it. */
  describe(peer: string): string;
  close(): void;
}

/** Binds, with many datagrams to a system call where the addon is. Rejects with a system error. */
export const openServer: (options: UdpServerOptions) => Promise<UdpServer> = unavailable ? serveSingly : serveBatched;

/** Over the addon. */
export async function serveBatched({ onDatagrams, ...options }: UdpServerOptions): Promise<UdpServer> {
  const server = openUdpServer({
    ...options,
    onDatagrams,
    receiveBufferBytes: limits.udpReceiveBufferBytes,
    sendBufferBytes: limits.udpSendQueueBytes,
  });
  return {
    send: (datagrams, to) => server.send(datagrams, to),
    describe: (peer) => {
      const { address, port } = peerOf(peer);
      return formatSocketAddress(address, port);
    },
    close: () => server.close(),
  };
}

/** The same over node:dgram: a system call, and a callback, for each datagram. */
export async function serveSingly({ address, port, onDatagrams, onError }: UdpServerOptions): Promise<UdpServer> {
  const socket = createSocket(isIPv6(address) ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
  socket.bind({ address, port, exclusive: true });
  await once(socket, 'listening').catch((error) => {
    socket.close();
    throw error;
  });
  let open = true;
  socket.on('error', onError);
  socket.setRecvBufferSize(limits.udpReceiveBufferBytes);
  socket.on('message', (datagram, from) => onDatagrams([datagram], `${from.port} ${from.address}`));
  return {
    send: (datagrams, to) => {
      const space = to.indexOf(' ');
      const [toPort, host] = [Number(to.slice(0, space)), to.slice(space + 1)];
      for (const [taken, datagram] of datagrams.entries()) {
        if (!open || toPort === 0 || socket.getSendQueueSize() > limits.udpSendQueueBytes) return taken;
        // Copied: what the kernel does not take at once waits in Node.
        socket.send(Buffer.from(datagram), toPort, host, (error) => {
          if (error) onError();
        });
      }
      return datagrams.length;
    },
    describe: (peer) => {
      const space = peer.indexOf(' ');
      return formatSocketAddress(peer.slice(space + 1), Number(peer.slice(0, space)));
    },
    close: () => {
      if (open) socket.close();
      open = false;
    },
  };
}
