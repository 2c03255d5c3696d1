import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { waitFor } from './wait.js';

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
export async function freeUdpPort(host?: string): Promise<number> {
  const { port, close } = await startUdpTarget(() => {}, host);
  await close();
  return port;
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
