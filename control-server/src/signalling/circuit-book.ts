import type { CircuitId, CircuitView, LegCounters, Name } from '@netport/protocol';
import type { CircuitRecord } from '../store/store.js';

/** The circuits that have not ended. Memory only; the state keeps what must survive. */
export class CircuitBook {
  readonly #circuits = new Map<CircuitId, CircuitRecord>();
  readonly #counts = new Map<Name, number>();

  add(circuit: CircuitRecord): void {
    this.#circuits.set(circuit.id, circuit);
    this.#counts.set(circuit.relay, this.count(circuit.relay) + 1);
  }

  /** A relay only has a say in its own circuits. */
  ofRelay(relay: Name, id: CircuitId): CircuitRecord | undefined {
    const circuit = this.#circuits.get(id);
    return circuit?.relay === relay ? circuit : undefined;
  }

  /** False when it was gone already. */
  remove(id: CircuitId): boolean {
    const circuit = this.#circuits.get(id);
    if (!circuit) return false;
    this.#counts.set(circuit.relay, this.count(circuit.relay) - 1);
    return this.#circuits.delete(id);
  }

  filter(predicate: (circuit: CircuitRecord) => boolean): CircuitRecord[] {
    return [...this.#circuits.values()].filter(predicate);
  }

  count(relay: Name): number {
    return this.#counts.get(relay) ?? 0;
  }

  get size(): number {
    return this.#circuits.size;
  }
}

/** The first leg is the one of the portal that asked: what comes in there goes from `from` to `to`. */
export function applyCounters(circuit: CircuitRecord, { bytes, packets, datapath }: LegCounters): void {
  [circuit.sent, circuit.received] = bytes;
  circuit.packets = packets;
  circuit.datapath = datapath;
}

export const circuitView = (circuit: CircuitRecord): CircuitView => ({
  id: circuit.id,
  from: circuit.from,
  to: circuit.to,
  transport: circuit.transport,
  relay: circuit.relay,
  datapath: circuit.datapath,
  state: circuit.state,
  ports: circuit.ports,
  bytesSent: circuit.sent,
  bytesReceived: circuit.received,
  packetsSent: circuit.packets?.[0] ?? null,
  packetsReceived: circuit.packets?.[1] ?? null,
  since: circuit.createdAt.toISOString(),
});
