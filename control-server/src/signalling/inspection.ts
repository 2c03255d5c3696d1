import {
  type CircuitView,
  limits,
  type PairId,
  type PortalMessage,
  type StreamView,
  type TunnelView,
} from '@netport/protocol';
import type { Inspection, TrafficSample } from '../state/presence.js';
import type { PairRecord } from '../store/store.js';
import { type CircuitBook, circuitView } from './circuit-book.js';
import type { OnlinePortal, OnlineRelay, Roster } from './roster.js';
import { type PortalReport, streamViews, tunnelViews } from './traffic-views.js';

/** Asks those who are online what runs now; who does not answer in time is left out, never waited for. */
export class LiveInspection implements Inspection {
  readonly #roster: Roster;
  readonly #book: CircuitBook;
  readonly #pairs: () => readonly PairRecord[];

  constructor(roster: Roster, book: CircuitBook, pairs: () => readonly PairRecord[]) {
    this.#roster = roster;
    this.#book = book;
    this.#pairs = pairs;
  }

  /** Those whose relay is online: of the others nobody knows whether they still run. */
  async circuits(): Promise<CircuitView[]> {
    await Promise.all([...this.#roster.relays.values()].map(freshCounters));
    return this.#book.filter(({ relay }) => this.#roster.relayNamed(relay) !== undefined).map(circuitView);
  }

  async tunnels(): Promise<TunnelView[]> {
    return tunnelViews(await this.#reports());
  }

  async streams(): Promise<StreamView[]> {
    return streamViews(await this.#reports(), this.#pairNames());
  }

  async traffic(): Promise<TrafficSample> {
    const [circuits, reports] = await Promise.all([this.circuits(), this.#reports()]);
    return { circuits, tunnels: tunnelViews(reports), streams: streamViews(reports, this.#pairNames()) };
  }

  #pairNames(): Map<PairId, string> {
    return new Map(this.#pairs().map(({ id, name }) => [id, name]));
  }

  async #reports(): Promise<PortalReport[]> {
    const reports = await Promise.all([...this.#roster.portals.values()].map(inspect));
    return reports.flatMap((report) => report ?? []);
  }
}

async function inspect({ name, session }: OnlinePortal): Promise<PortalReport | undefined> {
  try {
    const answer = await session.request<PortalMessage>({ type: 'inspect' }, limits.inspectTimeout);
    return answer.type === 'inspection' ? { portal: name, ...answer } : undefined;
  } catch {
    return undefined;
  }
}

/** Resolves with the relay's next counters, or at the deadline. */
function freshCounters(relay: OnlineRelay): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      relay.reportWaiters.delete(done);
      resolve();
    };
    const timer = setTimeout(done, limits.inspectTimeout);
    relay.reportWaiters.add(done);
    if (!relay.session.send({ type: 'report' })) done();
  });
}
