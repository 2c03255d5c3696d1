import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { formatEndpoint, formatSocketAddress, limits, NetportError, socketAddress } from '@netport/protocol';
import { systemError } from '@netport/runtime';
import { DatagramBatch } from '../datagram-batch.js';
import type { DatagramDrops, DatagramEnd } from '../datagram-end.js';
import { openDatagramSocket, type UdpSocket } from '../path/datagram-socket.js';

/**
 * A socket of its own for one flow to what a rule names; a DNS name is resolved now. Rejects with `dns_failed`,
 * `connect_timeout`, `host_unreachable`, … That nobody listens there shows only later, and is counted.
 */
export async function connectUdpTarget(
  target: { address: string; port?: number | undefined },
  drops: DatagramDrops,
  timeout: number = limits.targetConnectTimeout,
): Promise<DatagramEnd> {
  const name = `target ${formatEndpoint(target)}`;
  const where = socketAddress(target);
  if ('path' in where) throw new NetportError('connect_failed', `${name}: a unix socket carries no udp`);
  try {
    let refusal: unknown;
    for (const address of await addressesOf(where.host, name, timeout)) {
      const end = await UdpTarget.open(address, where.port, drops).catch((error: unknown) => {
        refusal = error;
      });
      if (end) return end;
    }
    throw refusal;
  } catch (error) {
    throw systemError(error, 'connect_failed', name);
  }
}

async function addressesOf(host: string, name: string, timeout: number): Promise<string[]> {
  if (isIP(host)) return [host];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = new NetportError('dns_failed', `${name}: no answer from the resolver within ${timeout / 1000} s`);
    timer = setTimeout(() => reject(error), timeout);
  });
  try {
    const found = await Promise.race([lookup(host, { all: true }), late]);
    return found.map(({ address }) => address);
  } finally {
    clearTimeout(timer);
  }
}

class UdpTarget implements DatagramEnd {
  onDatagram: (datagram: Uint8Array) => void = () => {};
  readonly closed: Promise<void>;
  readonly address: string;
  readonly #batch: DatagramBatch;
  #socket: UdpSocket | undefined;
  #settle: () => void = () => {};

  static async open(address: string, port: number, drops: DatagramDrops): Promise<UdpTarget> {
    const target = new UdpTarget(formatSocketAddress(address, port), drops);
    target.#socket = await openDatagramSocket({
      address,
      port,
      onDatagrams: (datagrams) => {
        for (const datagram of datagrams) target.onDatagram(datagram);
      },
      // An ICMP answer, as from a service that restarts: the flow outlives it, as it would without us.
      onError: () => {
        drops.undeliverable += 1;
      },
      receiveBufferBytes: limits.udpReceiveBufferBytes,
      sendBufferBytes: limits.udpSendQueueBytes,
    });
    return target;
  }

  private constructor(address: string, drops: DatagramDrops) {
    this.address = address;
    this.#batch = new DatagramBatch((batch) => {
      drops.undeliverable += batch.length - (this.#socket?.send(batch) ?? 0);
    });
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  send(datagram: Uint8Array): void {
    this.#batch.push(datagram);
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
    this.#settle();
  }
}
