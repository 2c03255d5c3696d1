import { isBind, NetportError } from '@netport/protocol';
import type { DatagramJoin, Datapath, Endpoint, UdpLegs } from '../datapath/datapath.js';
import { type DatagramPort, type DatagramPortOptions, openDatagramPort } from './datagram-port.js';

interface Leg {
  socket: DatagramPort;
  /** Where its datagrams go from the join on. */
  route: { join: DatagramJoin | undefined; leg: 0 | 1 };
}

/** The open UDP ports: what is a bind goes to the core, everything else to the join of the circuit. */
export class DatagramLegs {
  /** Datagrams that were not forwarded: from nobody who is bound, or because too many waited for being sent. */
  readonly dropped = { unbound: 0, congested: 0 };
  readonly #onBind: (port: number, from: Endpoint, bytes: Uint8Array) => void;
  readonly #legs = new Map<number, Leg>();

  constructor(onBind: (port: number, from: Endpoint, bytes: Uint8Array) => void) {
    this.#onBind = onBind;
  }

  /** Rejects as `openDatagramPort` does. */
  async open(options: Omit<DatagramPortOptions, 'onDatagram'>): Promise<{ close(): void }> {
    const { port } = options;
    const route: Leg['route'] = { join: undefined, leg: 0 };
    const socket = await openDatagramPort({
      ...options,
      onDatagram: (from, bytes) => {
        if (isBind(bytes)) this.#onBind(port, from, bytes);
        else if (!route.join?.received(route.leg, from, bytes)) this.dropped.unbound++;
      },
    });
    this.#legs.set(port, { socket, route });
    return {
      close: () => {
        this.#legs.delete(port);
        socket.close();
      },
    };
  }

  answer(port: number, to: Endpoint, bytes: Uint8Array): void {
    this.#legs.get(port)?.socket.send(to, bytes);
  }

  join(datapath: Datapath, circuit: Omit<UdpLegs, 'send'>): DatagramJoin {
    const { circuitId, ports } = circuit;
    const [a, b] = [this.#legs.get(ports[0]), this.#legs.get(ports[1])];
    if (!a || !b) throw new NetportError('internal', `circuit ${circuitId}: a port to join is not open`);
    const sockets = [a.socket, b.socket] as const;
    const join = datapath.joinDatagrams({
      ...circuit,
      send: (leg, peer, bytes) => {
        if (!sockets[leg].send(peer, bytes)) this.dropped.congested++;
      },
    });
    Object.assign(a.route, { join, leg: 0 });
    Object.assign(b.route, { join, leg: 1 });
    return join;
  }
}
