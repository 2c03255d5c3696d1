import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { run } from './namespaces.js';
import { nextFreePort, waitFor } from './wait.js';

export interface UdpTarget {
  port: number;
  /** Where each datagram came from, in order. */
  sources: string[];
  close(): Promise<void>;
}

/** A UDP service; `answer` gets every datagram, and the way back. */
export async function startUdpTarget(
  answer: (datagram: Buffer, reply: (datagram: Buffer) => void) => void,
  host = '127.0.0.1',
  wanted = 0,
): Promise<UdpTarget> {
  const socket = bindable(host);
  const sources: string[] = [];
  socket.on('message', (datagram: Buffer, { address, port }: RemoteInfo) => {
    sources.push(`${address} ${port}`);
    answer(datagram, (back) => socket.send(back, port, address));
  });
  socket.bind(wanted, host);
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    sources,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** Sends back what it gets. */
export const startUdpEcho = (host?: string): Promise<UdpTarget> =>
  startUdpTarget((datagram, reply) => reply(datagram), host);

/** A UDP port that nobody uses at this moment. */
export const freeUdpPort = (host?: string): Promise<number> =>
  nextFreePort(async (port) => {
    const taken = await startUdpTarget(() => {}, host, port).catch(() => undefined);
    await taken?.close();
    return taken !== undefined;
  });

/**
 * Datagrams that the kernel has dropped, in a network namespace or in this one, because the sockets that they were for were full:
 * on a machine that stands still, their programs do not read.
 */
export function overflowed(namespace?: string): number {
  const inside = namespace === undefined ? '' : `ip netns exec ${namespace} `;
  const [names = [], values = []] = run(`${inside}cat /proc/net/snmp`)
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))
    .map((line) => line.split(' '));
  return Number(values[names.indexOf('RcvbufErrors')]);
}

/** An application that talks to one UDP port: it hears answers from exactly there. */
export class UdpClient {
  readonly received: Buffer[] = [];

  private constructor(private readonly socket: Socket) {
    socket.on('message', (datagram: Buffer) => this.received.push(datagram));
    // Nobody listens there at the moment (ICMP): a client of UDP goes on.
    socket.on('error', () => {});
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<UdpClient> {
    const socket = bindable(host);
    socket.connect(port, host);
    await once(socket, 'connect');
    socket.setRecvBufferSize(1024 * 1024);
    return new UdpClient(socket);
  }

  send(datagram: Buffer | string): void {
    this.socket.send(datagram);
  }

  /** The next datagram that comes after this one was sent. */
  async ask(datagram: Buffer | string): Promise<Buffer> {
    const before = this.received.length;
    this.send(datagram);
    return waitFor(`an answer to ${datagram.length} bytes`, () => this.received[before]);
  }

  close(): void {
    this.socket.close();
  }
}

const bindable = (host: string): Socket => createSocket(isIPv6(host) ? 'udp6' : 'udp4');
