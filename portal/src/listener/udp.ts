import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { formatSocketAddress, limits } from '@netport/protocol';
import { systemError } from '@netport/runtime';
import { addressesToBind } from './local-addresses.js';
import { PseudoConnections, type PseudoConnectionsOptions } from './pseudo-connections.js';

/** How often idle pseudo-connections are looked for: this many times in their lifetime, and at least this often. */
const sweepsPerLifetime = 4;
const longestSweepInterval = 60_000;

export interface UdpAddress {
  host: string;
  port: number;
}

/** A UDP port whose every source is a pseudo-connection, answered from the address that it asked. */
export class UdpListener {
  readonly connections: PseudoConnections;
  readonly #address: UdpAddress;
  readonly #name: string;
  readonly #sockets = new Map<string, Socket>();
  readonly #timers: NodeJS.Timeout[];
  #closed = false;

  /** Rejects with `address_in_use`, `address_unavailable`, `permission_denied` or `dns_failed`. */
  static async open(address: UdpAddress, name: string, options: PseudoConnectionsOptions): Promise<UdpListener> {
    const { host, port } = address;
    const resolved = isIP(host) ? host : (await lookup(host).catch(inTheWay(name))).address;
    const listener = new UdpListener({ host: resolved, port }, name, options);
    try {
      await listener.#bindMissing();
    } catch (error) {
      listener.close();
      throw error;
    }
    return listener;
  }

  private constructor(address: UdpAddress, name: string, options: PseudoConnectionsOptions) {
    this.#address = address;
    this.#name = name;
    this.connections = new PseudoConnections(options);
    const interval = Math.min(longestSweepInterval, Math.ceil(options.idle / sweepsPerLifetime));
    this.#timers = [setInterval(() => this.connections.sweep(), interval)];
  }

  /** With it go its pseudo-connections: they have no socket of their own. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.connections.close();
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  async #bindMissing(): Promise<void> {
    const { host } = this.#address;
    const wanted = addressesToBind(host, networkInterfaces());
    await Promise.all(wanted.map((address) => this.#bind(address)));
    if (wanted[0] === host) return;
    this.#timers.push(setInterval(() => void this.#follow(), limits.localAddressInterval));
  }

  /** The addresses of the machine may have changed. One that cannot be bound yet is tried again the next time. */
  async #follow(): Promise<void> {
    const wanted = new Set(addressesToBind(this.#address.host, networkInterfaces()));
    for (const [address, socket] of this.#sockets) {
      if (wanted.has(address)) continue;
      this.#sockets.delete(address);
      socket.close();
    }
    await Promise.allSettled([...wanted].map((address) => this.#bind(address)));
  }

  async #bind(address: string): Promise<void> {
    if (this.#sockets.has(address)) return;
    const socket = createSocket(isIPv6(address) ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        reject(error);
      });
      socket.bind({ address, port: this.#address.port, exclusive: true }, resolve);
    }).catch(inTheWay(this.#name));
    socket.removeAllListeners('error').on('error', () => {
      this.connections.options.drops.undeliverable += 1;
    });
    if (this.#closed) {
      socket.close();
      return;
    }
    socket.setRecvBufferSize(limits.udpReceiveBufferBytes);
    socket.on('message', (datagram, { address: host, port }) => {
      // Legal, and says that no answer is wanted (RFC 768); node:dgram throws when asked to send there.
      if (port === 0) return;
      const source = formatSocketAddress(host, port);
      const reply = (answer: Uint8Array): void => this.#send(address, answer, port, host);
      this.connections.receive({ key: `${source} ${address}`, source, reply }, datagram);
    });
    this.#sockets.set(address, socket);
  }

  #send(from: string, datagram: Uint8Array, port: number, host: string): void {
    const { drops } = this.connections.options;
    const socket = this.#sockets.get(from);
    if (!socket || socket.getSendQueueSize() > limits.udpSendQueueBytes) {
      drops.undeliverable += 1;
      return;
    }
    // Copied: what the kernel does not take at once waits in Node, and the memory is only lent.
    socket.send(Buffer.from(datagram), port, host, (error) => {
      if (error) drops.undeliverable += 1;
    });
  }
}

const inTheWay =
  (name: string) =>
  (error: unknown): never => {
    throw systemError(error, 'internal', `listening on ${name}`);
  };
