import {
  type CircuitView,
  limits,
  type Name,
  NetportError,
  type PairId,
  type PortalMessage,
  type StreamView,
  type TunnelView,
} from '@netport/protocol';
import type { Inspection, RelayOption, TrafficSample, Trial } from '../state/presence.js';
import type { PairRecord } from '../store/store.js';
import { type CircuitBook, circuitView } from './circuit-book.js';
import { relayOptions } from './relay-choice.js';
import type { OnlinePortal, OnlineRelay, Roster } from './roster.js';
import { type PortalReport, streamViews, tunnelViews } from './traffic-views.js';

/** Asks those who are online what runs now; who does not answer in time is left out, never waited for. */
export class LiveInspection implements Inspection {
  readonly #roster: Roster;
  readonly #book: CircuitBook;
  readonly #pairs: () => readonly PairRecord[];
  readonly #now: () => Date;

  constructor(roster: Roster, book: CircuitBook, pairs: () => readonly PairRecord[], now: () => Date) {
    this.#now = now;
    this.#roster = roster;
    this.#book = book;
    this.#pairs = pairs;
  }

  /** Those whose relay is online: of the others nobody knows whether they still run. */
  async circuits(): Promise<CircuitView[]> {
    await Promise.all([...this.#roster.relays.values()].map(freshCounters));
    return this.#book.filter(({ relay }) => this.#roster.relayNamed(relay) !== undefined).map(circuitView);
  }

  async tunnels(portals?: readonly Name[]): Promise<TunnelView[]> {
    return tunnelViews(await this.#reports(portals));
  }

  async streams(portals?: readonly Name[]): Promise<StreamView[]> {
    return streamViews(await this.#reports(portals), this.#pairNames());
  }

  async traffic(): Promise<TrafficSample> {
    const [circuits, reports] = await Promise.all([this.circuits(), this.#reports()]);
    return { circuits, tunnels: tunnelViews(reports), streams: streamViews(reports, this.#pairNames()) };
  }

  #pairNames(): Map<PairId, string> {
    return new Map(this.#pairs().map(({ id, name }) => [id, name]));
  }

  relaysBetween(from: Name, to: Name): RelayOption[] {
    const [one, other] = [from, to].map((name) => this.#roster.onlinePortalNamed(name));
    return relayOptions(this.#roster.relayChoice(one, other));
  }

  async probe(portal: Name, pair: PairId): Promise<Trial> {
    const online = this.#roster.onlinePortalNamed(portal);
    if (!online) throw new NetportError('unavailable', `${portal} has no control session`);
    if (!online.probes.take(this.#now().getTime())) {
      throw new NetportError('rate_limited', `${portal} is asked for ${limits.probesPerMinute} probes a minute`);
    }
    const answer = await online.session.request<PortalMessage>({ type: 'probe', pair }, limits.probeTimeout);
    if (answer.type !== 'probed') throw new NetportError('protocol_error', `${portal} answered something else`);
    return answer;
  }

  async #reports(portals?: readonly Name[]): Promise<PortalReport[]> {
    const asked = portals?.flatMap((name) => this.#roster.onlinePortalNamed(name) ?? []);
    const reports = await Promise.all([...(asked ?? this.#roster.portals.values())].map(inspect));
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
