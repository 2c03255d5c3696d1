import type { CircuitId, LegCounters } from '@netport/protocol';

interface Figures {
  bytes: number;
  packets: number;
}
type Datapath = LegCounters['datapath'];

/**
 * Received from legs, by what forwards them. What a circuit has carried since it was last looked at counts for its datapath of
 * now, so that no figure falls when a circuit moves into the kernel.
 */
export class Totals {
  readonly #totals: Record<Datapath, Figures> = {
    userspace: { bytes: 0, packets: 0 },
    xdp: { bytes: 0, packets: 0 },
    tc: { bytes: 0, packets: 0 },
  };
  readonly #seen = new Map<CircuitId, Figures>();

  count({ circuitId, datapath, bytes, packets = [0, 0] }: LegCounters): void {
    const now = { bytes: bytes[0] + bytes[1], packets: packets[0] + packets[1] };
    const before = this.#seen.get(circuitId);
    this.#seen.set(circuitId, now);
    const total = this.#totals[datapath];
    total.bytes += now.bytes - (before?.bytes ?? 0);
    total.packets += now.packets - (before?.packets ?? 0);
  }

  /** Its last figures. */
  end(circuit: LegCounters): void {
    this.count(circuit);
    this.#seen.delete(circuit.circuitId);
  }

  get all(): Readonly<Record<Datapath, Readonly<Figures>>> {
    return this.#totals;
  }
}
