import {
  type ErrorCode,
  limits,
  type Name,
  type PairId,
  type PortalCommand,
  type PortalMessage,
  type RelayCommand,
  type RelayMessage,
  type SpiffeId,
} from '@netport/protocol';
import { perMinute, type RateLimit } from '../rate-limit.js';
import { memberId, type StateContext } from '../state/context.js';
import type { Presence } from '../state/presence.js';
import type { RelayChoice, RoundTrips } from './relay-choice.js';
import type { Closable, Session } from './session.js';

type Hello<Message> = Extract<Message, { type: 'hello' }>;

/** A portal that is online. */
export interface OnlinePortal {
  id: SpiffeId;
  name: Name;
  origin: string;
  session: Session<PortalMessage, PortalCommand>;
  hello: Hello<PortalMessage>;
  since: Date;
  /** The version that it said it has in force. */
  policyVersion: number;
  roundTrips: RoundTrips;
  failedListeners: Map<PairId, { code: ErrorCode; message: string }>;
  circuitRequests: RateLimit;
  auditEvents: RateLimit;
  probes: RateLimit;
  droppedEvents: number;
  /** The rules it was sent last, as JSON: the same are not sent again. */
  sentRules: string | undefined;
  /** The version that they were part of. */
  sentVersion: number;
  /** When what it is sent now was changed, until it has that in force; as performance.now() has it. */
  changedAt: number | undefined;
  /** Called when it says what it has in force. */
  policyWaiters: Set<() => void>;
  /** Pushes are made one after the other, so that an older document never arrives last. */
  pushing: Promise<void>;
}

/** A relay that is online. */
export interface OnlineRelay {
  id: SpiffeId;
  name: Name;
  origin: string;
  session: Session<RelayMessage, RelayCommand>;
  hello: Omit<Hello<RelayMessage>, 'circuits'>;
  /** It is going to stop. */
  draining: boolean;
  /** Circuits asked for and not answered yet. */
  opening: number;
  /** Called with the next counters. */
  reportWaiters: Set<() => void>;
}

export const onlinePortal = (
  base: Pick<OnlinePortal, 'id' | 'name' | 'origin' | 'session' | 'hello'>,
  now: Date,
): OnlinePortal => ({
  ...base,
  since: now,
  policyVersion: base.hello.policyVersion,
  roundTrips: {},
  failedListeners: new Map(),
  circuitRequests: perMinute(limits.circuitRequestsPerMinute, now.getTime()),
  auditEvents: perMinute(limits.auditEventsPerMinute, now.getTime()),
  probes: perMinute(limits.probesPerMinute, now.getTime()),
  droppedEvents: 0,
  sentRules: undefined,
  sentVersion: 0,
  changedAt: undefined,
  policyWaiters: new Set(),
  pushing: Promise.resolve(),
});

export const onlineRelay = (base: Pick<OnlineRelay, 'id' | 'name' | 'origin' | 'session' | 'hello'>): OnlineRelay => ({
  ...base,
  draining: false,
  opening: 0,
  reportWaiters: new Set(),
});

/** Who is online: at most one session for each identity. */
export class Roster implements Presence {
  readonly portals = new Map<SpiffeId, OnlinePortal>();
  readonly relays = new Map<SpiffeId, OnlineRelay>();
  readonly #context: StateContext;
  readonly #circuitsOf: (relay: Name) => number;

  constructor(context: StateContext, circuitsOf: (relay: Name) => number) {
    this.#context = context;
    this.#circuitsOf = circuitsOf;
  }

  portal(id: SpiffeId) {
    const here = this.portals.get(id);
    if (!here) return undefined;
    const { origin, hello, policyVersion, failedListeners, since } = here;
    const seenAt = this.#context.now();
    return { address: origin, version: hello.version, policyVersion, failedListeners, since, seenAt };
  }

  portalNamed(name: string) {
    return this.portal(memberId(this.#context, 'portal', name as Name));
  }

  relay(id: SpiffeId) {
    const here = this.relays.get(id);
    if (!here) return undefined;
    const { address, version, datapath, datapathReason = null, capacity } = here.hello;
    const [circuits, seenAt] = [this.#circuitsOf(here.name), this.#context.now()];
    return { address, version, datapath, datapathReason, capacity, circuits, seenAt };
  }

  /** What there is to choose from for a circuit between two portals. */
  relayChoice(from: OnlinePortal | undefined, to: OnlinePortal | undefined, avoid: readonly Name[] = []): RelayChoice {
    const lasting = [...this.relays.values()].filter(({ draining }) => !draining);
    const relays = lasting.map(({ name, opening, hello }) => ({
      name,
      circuits: this.#circuitsOf(name) + opening,
      capacity: hello.capacity,
    }));
    return { relays, avoid, roundTrips: [from?.roundTrips ?? {}, to?.roundTrips ?? {}] };
  }

  /** Circuits that the relays have room for. */
  freeCircuits(): number {
    const { relays } = this.relayChoice(undefined, undefined);
    return relays.reduce((sum, { circuits, capacity }) => sum + Math.max(0, capacity - circuits), 0);
  }

  relayNamed(name: Name): OnlineRelay | undefined {
    return this.relays.get(memberId(this.#context, 'relay', name));
  }

  onlinePortalNamed(name: Name): OnlinePortal | undefined {
    return this.portals.get(memberId(this.#context, 'portal', name));
  }
}

/** Puts a session in its place; an older one of the same identity gives way. */
export function enter<Online extends { id: SpiffeId; session: Closable }>(
  roster: Map<SpiffeId, Online>,
  online: Online,
): void {
  const older = roster.get(online.id);
  roster.set(online.id, online);
  older?.session.close('replaced', 'conflict', 'a newer session of the same identity took over');
}

/** Takes a session out, unless a newer one is in its place already. */
export function leave<Online extends { id: SpiffeId }>(roster: Map<SpiffeId, Online>, online: Online): boolean {
  return roster.get(online.id) === online && roster.delete(online.id);
}
