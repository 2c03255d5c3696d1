import { type CircuitId, type CircuitView, type LegCounters, limits, type Name } from '@netport/protocol';
import type { CircuitRecord } from '../store/store.js';

/** The circuits that have not ended, or just have. Memory only; the state keeps what must survive. */
export class CircuitBook {
  readonly #circuits = new Map<CircuitId, CircuitRecord>();
  /** In order of their ends: tunnels outlive these for a while, and may ask for others in their place. */
  readonly #ended = new Map<CircuitId, { circuit: CircuitRecord; at: number }>();
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

  /** One that has not ended. */
  running(id: CircuitId): CircuitRecord | undefined {
    return this.#circuits.get(id);
  }

  /** One that another may take the place of. */
  replaceable(id: CircuitId, now: Date): CircuitRecord | undefined {
    this.#forget(now);
    return this.#circuits.get(id) ?? this.#ended.get(id)?.circuit;
  }

  /** False when it was gone already. */
  remove(id: CircuitId, now: Date): boolean {
    const circuit = this.#circuits.get(id);
    if (!circuit) return false;
    this.#counts.set(circuit.relay, this.count(circuit.relay) - 1);
    this.#forget(now);
    this.#ended.set(id, { circuit, at: now.getTime() });
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

  #forget(now: Date): void {
    for (const [id, { at }] of this.#ended) {
      if (now.getTime() - at < limits.circuitReplaceable) return;
      this.#ended.delete(id);
    }
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
