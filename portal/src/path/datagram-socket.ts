import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { openUdpSocket, type UdpSocket, type UdpSocketOptions, unavailable } from '@netport/dataplane';
import { limits } from '@netport/protocol';

export type { UdpSocket, UdpSocketOptions };

/** A connected UDP socket, with many datagrams to a system call where the addon is. Rejects with a system error. */
export const openDatagramSocket: (options: UdpSocketOptions) => Promise<UdpSocket> = unavailable
  ? openSingly
  : openBatched;

/** Over the addon. */
export async function openBatched(options: UdpSocketOptions): Promise<UdpSocket> {
  return openUdpSocket(options);
}

/** The same over node:dgram: a system call, and a callback, for each datagram. It does not tell what is lost here. */
export function openSingly(options: UdpSocketOptions): Promise<UdpSocket> {
  const { address, port, localPort, onDatagrams, onError, receiveBufferBytes, sendBufferBytes } = options;
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4', (bytes) => onDatagrams([bytes]));
  let open = true;

  const facade = (): UdpSocket => ({
    local: { address: socket.address().address, port: socket.address().port },
    send: (datagrams, count = datagrams.length) => {
      for (let taken = 0; taken < count; taken++) {
        if (!open || socket.getSendQueueSize() > limits.udpSendQueueBytes) return taken;
        const datagram = datagrams[taken];
        // What the kernel does not take at once waits in Node, and the caller's memory is free again on return.
        if (datagram) socket.send(Buffer.from(datagram));
      }
      return count;
    },
    close: () => {
      if (open) socket.close();
      open = false;
    },
  });

  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    if (localPort) socket.bind(localPort);
    socket.connect(port, address, () => {
      socket.removeAllListeners('error').on('error', (error) => {
        if (open) onError?.(error);
      });
      if (receiveBufferBytes) socket.setRecvBufferSize(receiveBufferBytes);
      if (sendBufferBytes) socket.setSendBufferSize(sendBufferBytes);
      resolve(facade());
    });
  });
}
