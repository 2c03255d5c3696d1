import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { limits } from '@netport/protocol';
import { systemError } from '@netport/runtime';
import { DatagramBatch } from '../datagram-batch.js';
import { addressesToBind } from './local-addresses.js';
import { type Origin, PseudoConnections, type PseudoConnectionsOptions } from './pseudo-connections.js';
import { openServer, type UdpServer } from './udp-server.js';

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
  readonly #sockets = new Map<string, UdpServer>();
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
    const { port } = this.#address;
    const { drops } = this.connections.options;
    const socket = await openServer({
      ...{ address, port },
      onDatagrams: (datagrams, peer) => {
        const origin = this.#origin(address, peer);
        for (const datagram of datagrams) this.connections.receive(origin, datagram);
      },
      onError: () => {
        drops.undeliverable += 1;
      },
    }).catch(inTheWay(this.#name));
    if (this.#closed) socket.close();
    else this.#sockets.set(address, socket);
  }

  #origin(address: string, peer: string): Origin {
    // By address, as that may go away and come back with another socket.
    const socket = (): UdpServer | undefined => this.#sockets.get(address);
    const { drops } = this.connections.options;
    const answers = new DatagramBatch((batch) => {
      drops.undeliverable += batch.length - (socket()?.send(batch, peer) ?? 0);
    });
    return {
      key: `${peer} ${address}`,
      get source() {
        return socket()?.describe(peer) ?? '';
      },
      reply: (datagram) => answers.push(datagram),
    };
  }
}

const inTheWay =
  (name: string) =>
  (error: unknown): never => {
    throw systemError(error, 'internal', `listening on ${name}`);
  };
