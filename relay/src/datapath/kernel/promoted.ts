import type { ErrorCode, LegCounters } from '@netport/protocol';
import type { Join } from '../datapath.js';
import type { CircuitTable, Slot, Traffic } from './circuit-table.js';
import { promotedAt, type ResetFlow, reap, resetsOf } from './reaper.js';
import { encodeSegment, type Segment } from './segment.js';
import type { RawSender } from './sockets.js';

export interface PromotedOptions {
  slot: Slot;
  datapath: Exclude<LegCounters['datapath'], 'userspace'>;
  flows: readonly [ResetFlow, ResetFlow];
  /** To be sent until they have arrived; unknown where a process before this one sent them. */
  marks?: readonly [Segment, Segment];
  table: CircuitTable;
  raw: RawSender;
  /** Nanoseconds of CLOCK_MONOTONIC, which the program reads too. */
  now: () => bigint;
}

/** A circuit that the kernel forwards and no socket of this process belongs to. Its owner has to look at it now and then. */
export class PromotedJoin implements Join {
  readonly datapath: PromotedOptions['datapath'];
  readonly closed: Promise<ErrorCode>;
  /** Both portals have had the ready mark: from then on it is enough to look every `promotedLookInterval`. */
  ready = false;
  readonly #options: PromotedOptions;
  #reaping: ReturnType<typeof promotedAt>;
  #resolve: (code: ErrorCode) => void = () => {};
  #last: Traffic | undefined;

  constructor(options: PromotedOptions) {
    this.#options = options;
    this.datapath = options.datapath;
    this.#reaping = promotedAt(options.now());
    this.closed = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  counters(): [number, number] {
    return this.#traffic().bytes;
  }

  packets(): [number, number] {
    return this.#traffic().packets;
  }

  end(): void {
    this.#end('circuit_closed', true);
  }

  /** Sends again what has not arrived, and ends what is over. */
  look(): void {
    if (this.#last) return;
    const { table, slot, marks, now } = this.#options;
    const legs = table.legs(slot);
    const { verdict, reaping } = reap(legs, this.#reaping, now());
    this.#reaping = reaping;
    this.ready = legs.every(({ marked }) => marked);
    if (verdict.do === 'end') this.#end(verdict.code, verdict.reset);
    if (verdict.do !== 'mark') return;
    // Nobody knows any more what the process before this one had to say: the portals ask for another circuit.
    if (!marks) this.#end('tunnel_lost', true);
    else for (const side of verdict.legs) this.#send(marks[side]);
  }

  #traffic(): Traffic {
    return this.#last ?? this.#options.table.traffic(this.#options.slot);
  }

  #end(code: ErrorCode, reset: boolean): void {
    if (this.#last) return;
    const { table, slot, flows } = this.#options;
    const keys = table.keys(slot);
    table.remove(slot);
    // What the program leaves behind is final now: a number read before would be too low by what passed in between.
    this.#last = table.traffic(slot);
    if (reset && keys) for (const segment of resetsOf(keys, flows, table.legs(slot))) this.#send(segment);
    this.#resolve(code);
  }

  #send(segment: Segment): void {
    try {
      this.#options.raw.send(encodeSegment(segment));
    } catch {
      // A mark is sent again; a portal that misses its reset finds out by silence.
    }
  }
}
