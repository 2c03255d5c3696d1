import { createSocket, type RemoteInfo, type Socket, type SocketOptions, type SocketType } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { limits, NetportError } from '@netport/protocol';
import { systemError } from '@netport/runtime';
import type { Endpoint } from '../datapath/datapath.js';

export interface DatagramPort {
  /** Sends, or does not where too much waits already: then it is false. Other errors are as good as a loss on the way. */
  send(to: Endpoint, bytes: Uint8Array): boolean;
  close(): void;
}

export interface DatagramPortOptions {
  port: number;
  /** Every address unless given, IPv6 and IPv4 at once where the machine has both. */
  address?: string | undefined;
  /** IPv4 addresses are plain, also on a socket for both families. The same sender is the same object from one to the next. */
  onDatagram: (from: Endpoint, bytes: Buffer) => void;
  /** The socket goes on. */
  onFault: (error: Error) => void;
}

/** How a socket for both families writes IPv4 addresses (RFC 4291 §2.5.5.2). */
const mapped = '::ffff:';

/** Throws `address_in_use`, `address_unavailable`, `permission_denied` or `limit_exceeded`. */
export async function openDatagramPort(options: DatagramPortOptions): Promise<DatagramPort> {
  const { port, address } = options;
  if (address !== undefined) return portOf(await bind(isIPv4(address) ? 'udp4' : 'udp6', port, address), options);
  try {
    return portOf(await bind('udp6', port, '::'), options);
  } catch (error) {
    // A machine without IPv6.
    if (!(error instanceof NetportError && error.code === 'address_unavailable')) throw error;
    return portOf(await bind('udp4', port, '0.0.0.0'), options);
  }
}

function bind(type: SocketType, port: number, address: string): Promise<Socket> {
  // Every address here is one already: the default lookup would cost a turn of the event loop for each datagram.
  const lookup: SocketOptions['lookup'] = (host, _options, found) => found(null, host, type === 'udp4' ? 4 : 6);
  const socket = createSocket({ type, lookup });
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(systemError(error, 'internal', `cannot listen on UDP port ${port}`));
    });
    socket.bind({ port, address, exclusive: true }, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

function portOf(socket: Socket, { onDatagram, onFault }: DatagramPortOptions): DatagramPort {
  const dual = socket.address().address === '::';
  let sender: RemoteInfo | undefined;
  let from: Endpoint | undefined;
  let receiver: Endpoint | undefined;
  let to = '';
  let open = true;

  socket.setRecvBufferSize(limits.udpReceiveBufferBytes);
  socket.setSendBufferSize(limits.udpReceiveBufferBytes);
  socket.on('error', onFault);
  socket.on('message', (bytes, info) => {
    // Nobody can be there: it was made up, and sending to it would throw.
    if (info.port === 0) return;
    // Nearly every datagram comes from the sender of the one before.
    if (!from || sender?.port !== info.port || sender.address !== info.address) {
      sender = info;
      from = { address: plain(info.address), port: info.port };
    }
    onDatagram(from, bytes);
  });

  return {
    send: (endpoint, bytes) => {
      if (!open) return true;
      if (socket.getSendQueueSize() > limits.udpSendQueueBytes) return false;
      if (receiver !== endpoint) {
        receiver = endpoint;
        to = dual && isIPv4(endpoint.address) ? mapped + endpoint.address : endpoint.address;
      }
      socket.send(bytes, endpoint.port, to);
      return true;
    },
    close: () => {
      open = false;
      socket.close();
    },
  };
}

const plain = (address: string): string =>
  address.startsWith(mapped) && isIPv4(address.slice(mapped.length)) ? address.slice(mapped.length) : address;
