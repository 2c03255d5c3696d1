import { type CircuitId, circuitIdBytes, formatCircuitId } from '@netport/protocol';
import {
  type Circuit,
  type Counter,
  circuitDatapaths,
  type Flow,
  type FlowKey,
  freshLeg,
  type Leg,
  noFlowKey,
} from './layout.js';
import type { Maps } from './program.js';

/** One leg of a circuit in the kernel: whose packets, what becomes of them, and what is known of the leg already. */
export interface LegEntry {
  key: FlowKey;
  /** The table says which leg it is. */
  flow: Omit<Flow, 'leg'>;
  start: Leg;
}

export interface KernelCircuit {
  circuitId: CircuitId;
  datapath: 'xdp' | 'tc';
  /** Milliseconds since the epoch. */
  since: number;
}

/** From the first and from the second leg. */
export interface Traffic {
  bytes: [number, number];
  packets: [number, number];
}

/** A circuit's place in the maps. */
export type Slot = number;

const freeSlot: Circuit = { id: new Uint8Array(16), first: noFlowKey, second: noFlowKey, since: 0n, datapath: 0 };

/** The circuits that the kernel forwards, in the maps that it forwards by. */
export class CircuitTable {
  readonly #maps: Maps;
  readonly #free: Slot[] = [];
  readonly #keys = new Map<Slot, [FlowKey, FlowKey]>();

  /** Takes `capacity` slots as free: `stored` finds those that are not. */
  constructor(maps: Maps, capacity: number) {
    this.#maps = maps;
    for (let slot = capacity - 1; slot >= 0; slot--) this.#free.push(slot);
  }

  get size(): number {
    return this.#keys.size;
  }

  /** From its return on the kernel forwards the circuit. Undefined when there is no room; a LibbpfError changes nothing. */
  add({ circuitId, datapath, since }: KernelCircuit, legs: readonly [LegEntry, LegEntry]): Slot | undefined {
    const slot = this.#free.pop();
    if (slot === undefined) return undefined;
    const keys: [FlowKey, FlowKey] = [legs[0].key, legs[1].key];
    this.#keys.set(slot, keys);
    try {
      for (const side of sides) this.#reset(slot, side, legs[side].start);
      this.#maps.circuits.set(slot, {
        id: circuitIdBytes(circuitId),
        first: keys[0],
        second: keys[1],
        since: BigInt(since),
        datapath: circuitDatapaths[datapath],
      });
      for (const side of sides)
        this.#maps.flows.set(keys[side], { ...legs[side].flow, leg: legIndex(slot, side) }, 'absent');
      return slot;
    } catch (error) {
      this.remove(slot);
      throw error;
    }
  }

  /** One leg has moved: to where the other sends changes, and from where the moved one is heard. */
  move(slot: Slot, moved: 0 | 1, legs: readonly [LegEntry, LegEntry]): void {
    const keys = this.#keys.get(slot);
    if (!keys) return;
    const old = keys[moved];
    // The new way first, so that there is no moment without one.
    keys[moved] = legs[moved].key;
    for (const side of [moved, other(moved)]) {
      this.#maps.flows.set(keys[side], { ...legs[side].flow, leg: legIndex(slot, side) });
    }
    if (!sameFlow(old, keys[moved])) this.#maps.flows.delete(old);
  }

  /** From its return on the kernel drops or passes up what comes. */
  remove(slot: Slot): void {
    const keys = this.#keys.get(slot);
    if (!keys) return;
    for (const key of keys) this.#maps.flows.delete(key);
    this.#maps.circuits.set(slot, freeSlot);
    this.#keys.delete(slot);
    this.#free.push(slot);
  }

  traffic(slot: Slot): Traffic {
    const [a, b] = [this.#count(slot, 0), this.#count(slot, 1)];
    return { bytes: [a.bytes, b.bytes], packets: [a.packets, b.packets] };
  }

  legs(slot: Slot): [Leg, Leg] {
    const leg = (side: 0 | 1) => this.#maps.legs.get(legIndex(slot, side)) ?? freshLeg;
    return [leg(0), leg(1)];
  }

  keys(slot: Slot): readonly [FlowKey, FlowKey] | undefined {
    return this.#keys.get(slot);
  }

  /** What a process before this one left. Takes their slots. */
  stored(): { slot: Slot; circuit: KernelCircuit; keys: [FlowKey, FlowKey] }[] {
    const found = [];
    for (const [slot, { id, first, second, since, datapath }] of this.#maps.circuits.entries()) {
      const position = since === 0n ? -1 : this.#free.indexOf(slot);
      if (position < 0) continue;
      this.#free.splice(position, 1);
      const keys: [FlowKey, FlowKey] = [first, second];
      this.#keys.set(slot, keys);
      const kind = datapath === circuitDatapaths.tc ? 'tc' : 'xdp';
      found.push({
        slot,
        keys,
        circuit: { circuitId: formatCircuitId(id), datapath: kind, since: Number(since) } as const,
      });
    }
    return found;
  }

  /** Flows that belong to no circuit: their process died between two steps. */
  removeStrays(): void {
    for (const [key, { leg }] of [...this.#maps.flows.entries()]) {
      if (!this.#keys.has(leg >> 1)) this.#maps.flows.delete(key);
    }
  }

  #reset(slot: Slot, side: 0 | 1, state: Leg): void {
    const index = legIndex(slot, side);
    this.#maps.legs.set(index, state);
    const cpus = this.#maps.counters.get(index)?.length ?? 0;
    this.#maps.counters.set(
      index,
      Array.from({ length: cpus }, (): Counter => ({ packets: 0n, bytes: 0n })),
    );
  }

  #count(slot: Slot, side: 0 | 1): { bytes: number; packets: number } {
    const total = { bytes: 0, packets: 0 };
    for (const { bytes, packets } of this.#maps.counters.get(legIndex(slot, side)) ?? []) {
      total.bytes += Number(bytes);
      total.packets += Number(packets);
    }
    return total;
  }
}

const sides = [0, 1] as const;
export const other = (side: 0 | 1): 0 | 1 => (side === 0 ? 1 : 0);
/** shared.h: `leg ^ 1` is the other one of the circuit. */
const legIndex = (slot: Slot, side: 0 | 1): number => slot * 2 + side;

const sameFlow = (a: FlowKey, b: FlowKey): boolean =>
  a.remotePort === b.remotePort &&
  a.localPort === b.localPort &&
  a.protocol === b.protocol &&
  Buffer.compare(a.remote, b.remote) === 0;
