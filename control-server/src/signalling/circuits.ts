import { type CircuitId, type ErrorCode, limits, type Name, type RelayMessage } from '@netport/protocol';
import type { Logger } from '@netport/runtime';
import { permits } from '../policy/permits.js';
import { circuitEnded, circuitJoined, unendedCircuits } from '../state/circuits.js';
import type { StateContext } from '../state/context.js';
import type { CircuitRecord, PairRecord } from '../store/store.js';
import { applyCounters, type CircuitBook } from './circuit-book.js';
import type { OnlineRelay, Roster } from './roster.js';

export interface CircuitsOptions {
  context: StateContext;
  roster: Roster;
  book: CircuitBook;
  pairs: () => readonly PairRecord[];
  log: Logger;
}

/** A relay frees an unbound circuit by itself; this much later the control server does so too. */
const unboundSlack = 5000;

/** The life of circuits after they are opened: bound, counted, ended by the relay, by policy, or with a relay. */
export class Circuits {
  readonly #options: CircuitsOptions;
  /** Circuits that are not joined yet, and who waits for that. */
  readonly #unbound = new Map<CircuitId, { timer: NodeJS.Timeout; settle: (outcome: ErrorCode | 'ok') => void }>();
  /** Circuits that this side is closing, and why: the relay's last counters are awaited. */
  readonly #closing = new Map<CircuitId, { code: ErrorCode; timer: NodeJS.Timeout }>();
  /** Circuits that are to take the place of others, until they are joined. */
  readonly #replaced = new Map<CircuitId, CircuitId>();

  constructor(options: CircuitsOptions) {
    this.#options = options;
  }

  /** Takes up the circuits from before a restart; their relays say which of them still run. */
  async load(): Promise<void> {
    for (const circuit of await unendedCircuits(this.#options.context)) this.#options.book.add(circuit);
  }

  /** Resolves with `ok` once both portals have joined it, or with the code that it ended with before. */
  opened(circuit: CircuitRecord, replaces?: CircuitId): Promise<ErrorCode | 'ok'> {
    if (replaces) this.#replaced.set(circuit.id, replaces);
    const timer = setTimeout(() => this.close(circuit, 'circuit_expired'), limits.legBindTimeout + unboundSlack);
    return new Promise((settle) => this.#unbound.set(circuit.id, { timer, settle }));
  }

  joined(relay: OnlineRelay, id: CircuitId): void {
    const circuit = this.#options.book.ofRelay(relay.name, id);
    if (circuit?.state !== 'opening') return;
    circuit.state = 'joined';
    const old = this.#options.book.running(this.#replaced.get(id) ?? id);
    if (old && old !== circuit) this.close(old, 'circuit_closed');
    if (relay.draining) this.#sendAway(circuit);
    this.#settle(id, 'ok');
    this.#keep(circuitJoined(this.#options.context, circuit));
  }

  counters(relay: OnlineRelay, { circuits }: Extract<RelayMessage, { type: 'counters' }>): void {
    for (const counters of circuits) {
      const circuit = this.#options.book.ofRelay(relay.name, counters.circuitId);
      if (circuit) applyCounters(circuit, counters);
    }
  }

  ended(relay: OnlineRelay, { counters, code }: Extract<RelayMessage, { type: 'circuit.ended' }>): void {
    const circuit = this.#options.book.ofRelay(relay.name, counters.circuitId);
    if (!circuit) return;
    applyCounters(circuit, counters);
    const closing = this.#closing.get(circuit.id);
    if (!closing) this.#tellOfUdp(circuit, code);
    this.#end(circuit, closing?.code ?? code);
  }

  /** A relay is back: what it does not list has ended, what is not in the book must not run. */
  reconcile(relay: OnlineRelay, listed: readonly CircuitId[]): void {
    const { book } = this.#options;
    const running = new Set(listed);
    for (const id of running) {
      const circuit = book.ofRelay(relay.name, id);
      if (!circuit) relay.session.send({ type: 'circuit.close', circuitId: id });
    }
    for (const circuit of book.filter(({ id, relay: name }) => name === relay.name && !running.has(id))) {
      this.#tellOfUdp(circuit, 'circuit_closed');
      this.#end(circuit, 'circuit_closed');
    }
    this.enforce();
  }

  /** Ends what no pair in force permits any more, and tells both portals. */
  enforce(): void {
    const { context, book, pairs } = this.#options;
    const now = context.now();
    const denied = book.filter(({ from, to }) => !permits(pairs(), from, to, now));
    for (const circuit of denied) this.closeAndTell(circuit, 'policy_denied');
  }

  /** Ends every circuit of a portal or relay that was removed or revoked. */
  expel(kind: 'portal' | 'relay', name: Name, code: ErrorCode): void {
    const concerned = this.#options.book.filter(
      (circuit) =>
        (kind === 'relay' ? circuit.relay : circuit.from) === name || (kind === 'portal' && circuit.to === name),
    );
    for (const circuit of concerned) this.closeAndTell(circuit, code);
  }

  /** One of its portals does not need a circuit, or could not take it. */
  abandon(portal: Name, id: CircuitId): void {
    const circuit = this.#options.book.running(id);
    if (circuit?.from === portal || circuit?.to === portal) this.closeAndTell(circuit, 'circuit_closed');
  }

  /** A relay is going to stop: what runs there goes on elsewhere, where it can. */
  leave(relay: OnlineRelay): void {
    relay.draining = true;
    for (const circuit of this.#options.book.filter(({ relay: name }) => name === relay.name)) this.#sendAway(circuit);
  }

  /** The portal that asked for a circuit has its tunnel leave it. */
  #sendAway({ id, from }: CircuitRecord): void {
    this.#options.roster.onlinePortalNamed(from)?.session.send({ type: 'circuit.leave', circuitId: id });
  }

  closeAndTell(circuit: CircuitRecord, code: ErrorCode): void {
    if (this.#closing.has(circuit.id)) return;
    this.#tell(circuit, code);
    this.close(circuit, code);
  }

  /** Has the relay end a circuit; without an answer it counts as ended after a while. */
  close(circuit: CircuitRecord, code: ErrorCode): void {
    if (this.#closing.has(circuit.id)) return;
    const timer = setTimeout(() => this.#end(circuit, code), limits.relayOpenTimeout);
    this.#closing.set(circuit.id, { code, timer });
    const relay = this.#options.roster.relayNamed(circuit.relay);
    if (!relay?.session.send({ type: 'circuit.close', circuitId: circuit.id })) this.#end(circuit, code);
  }

  /** Stops the timers; the circuits stay as they are. */
  stop(): void {
    for (const { timer } of this.#unbound.values()) clearTimeout(timer);
    for (const { timer } of this.#closing.values()) clearTimeout(timer);
  }

  #tell({ id, from, to }: CircuitRecord, code: ErrorCode): void {
    for (const name of [from, to]) {
      const portal = this.#options.roster.onlinePortalNamed(name);
      portal?.session.send({ type: 'circuit.closed', circuitId: id, code });
    }
  }

  /** Over TCP a portal sees its leg close. Over UDP it would see nothing for seconds. */
  #tellOfUdp(circuit: CircuitRecord, code: ErrorCode): void {
    if (circuit.transport === 'udp') this.#tell(circuit, code);
  }

  #settle(id: CircuitId, outcome: ErrorCode | 'ok'): void {
    const unbound = this.#unbound.get(id);
    clearTimeout(unbound?.timer);
    unbound?.settle(outcome);
    this.#unbound.delete(id);
    this.#replaced.delete(id);
  }

  #end(circuit: CircuitRecord, code: ErrorCode): void {
    this.#settle(circuit.id, code);
    clearTimeout(this.#closing.get(circuit.id)?.timer);
    this.#closing.delete(circuit.id);
    const { context, book } = this.#options;
    if (book.remove(circuit.id, context.now())) this.#keep(circuitEnded(context, circuit, code));
  }

  #keep(writing: Promise<void>): void {
    writing.catch((error) => this.#options.log.error({ err: error }, 'circuit not kept'));
  }
}
