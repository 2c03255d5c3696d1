import type { Server } from 'node:net';
import { NetportError } from '@netport/protocol';
import type { PortRange } from '../core/port-pool.js';
import { listen } from './listener.js';

export interface Probe {
  port: number;
  /** What is left of the range for circuits. */
  ports: PortRange;
  close(): void;
}

/**
 * The port that portals measure their round trip to: it accepts and closes. It is the first port of the range that no
 * other program has. Throws `address_in_use` when none is left for a circuit beside it.
 */
export async function openProbe(range: PortRange, address: string | undefined): Promise<Probe> {
  for (let port = range.first; port + 2 <= range.last; port++) {
    const server = await tryListen(port, address);
    if (server) return { port, ports: { first: port + 1, last: range.last }, close: () => server.close() };
  }
  throw new NetportError('address_in_use', `every port of ${range.first}-${range.last} is taken by another program`);
}

async function tryListen(port: number, address: string | undefined): Promise<Server | undefined> {
  try {
    return await listen({
      port,
      address,
      onSocket: (socket) => socket.on('error', () => {}).destroy(),
      onFault: () => {},
    });
  } catch (error) {
    if (error instanceof NetportError && error.code === 'address_in_use') return undefined;
    throw error;
  }
}
