import { randomBytes, randomUUID } from 'node:crypto';
import {
  asNetportError,
  type CircuitId,
  type ErrorCode,
  type LegOffer,
  limits,
  NetportError,
  type PortalMessage,
  parseSpiffeId,
  type RelayMessage,
  type SpiffeId,
  type Transport,
} from '@netport/protocol';
import type { Logger, Trace, Tracing } from '@netport/runtime';
import { permits } from '../policy/permits.js';
import { publicError } from '../problem.js';
import { auditEvent } from '../state/audit.js';
import { circuitOpened } from '../state/circuits.js';
import type { StateContext } from '../state/context.js';
import type { CircuitRecord, PairRecord } from '../store/store.js';
import type { CircuitBook } from './circuit-book.js';
import { rankRelays } from './relay-choice.js';
import type { OnlinePortal, OnlineRelay, Roster } from './roster.js';

type CircuitRequest = Extract<PortalMessage, { type: 'circuit.request' }>;
type Opened = Extract<RelayMessage, { type: 'circuit.opened' }>;

export interface AllocationOptions {
  context: StateContext;
  roster: Roster;
  book: CircuitBook;
  pairs: () => readonly PairRecord[];
  /** Resolves with how the set-up ended. */
  onOpened: (circuit: CircuitRecord, replaces?: CircuitId) => Promise<Outcome>;
  /** Every request, once it has come to an end. */
  onSetUp: (transport: Transport, outcome: Outcome, seconds: number) => void;
  tracing: Tracing;
  /** Has the relay end a circuit again. */
  close: (circuit: CircuitRecord, code: ErrorCode) => void;
  log: Logger;
}

/** `ok`, or why there is no circuit. */
type Outcome = ErrorCode | 'ok';

/** One request, from when it came in. */
interface Setup {
  request: CircuitRequest;
  since: number;
  trace: Trace;
}

interface Offering {
  circuit: CircuitRecord;
  /** What portals dial. */
  host: string;
  legPort: number | undefined;
  tokens: [string, string];
  from: OnlinePortal;
  to: OnlinePortal;
  replaces: CircuitId | undefined;
  traceparent: string | undefined;
}

/** Answers `circuit.request`: permitted? both online? a relay with room → one leg for each portal. */
export class Allocation {
  readonly #options: AllocationOptions;
  /** Requests under way: the same one asked again gets the same leg. */
  readonly #underWay = new Map<string, Promise<LegOffer>>();

  constructor(options: AllocationOptions) {
    this.#options = options;
  }

  /** Never rejects: the portal gets its offer or an error, the audit trail a refusal. */
  async answer(portal: OnlinePortal, request: CircuitRequest): Promise<void> {
    const { tracing, onSetUp, log } = this.#options;
    const since = performance.now();
    try {
      const leg = await tracing
        .from(request.traceparent)
        .step('circuit.allocate', (trace) => this.#offer(portal, { request, since, trace }), {
          'netport.transport': request.transport,
        });
      portal.session.send({ type: 'circuit.offer', id: request.id, leg });
    } catch (thrown) {
      const error = publicError(thrown);
      onSetUp(request.transport, error.code, seconds(since));
      if (error.code === 'internal') log.error({ err: thrown }, 'circuit allocation failed');
      portal.session.send({ type: 'error', id: request.id, code: error.code, message: error.message.slice(0, 1024) });
      await this.#auditDenial(portal, request, error);
    }
  }

  async #offer(portal: OnlinePortal, setup: Setup): Promise<LegOffer> {
    const { request } = setup;
    const { context, roster } = this.#options;
    if (!portal.circuitRequests.take(context.now().getTime())) {
      throw new NetportError('rate_limited', `more than ${limits.circuitRequestsPerMinute} circuit requests a minute`);
    }
    this.#checkPermitted(portal, request.peer);
    this.#checkReplaces(portal, request);
    const other = roster.portals.get(request.peer);
    if (!other) throw new NetportError('peer_offline', `${request.peer} has no control session`);

    const key = `${request.transport} ${portal.id} ${other.id} ${request.replaces ?? ''}`;
    const underWay = this.#underWay.get(key);
    if (underWay) return underWay;
    const allocation = this.#allocate(portal, other, setup).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, allocation);
    return allocation;
  }

  #checkPermitted(from: OnlinePortal, peerId: SpiffeId): void {
    const { context, pairs } = this.#options;
    const peer = parseSpiffeId(peerId);
    if (peer?.kind === 'portal' && permits(pairs(), from.name, peer.name, context.now())) return;
    throw new NetportError('policy_denied', `no access pair leads from ${from.name} to ${peerId}`);
  }

  /** Who is no party of a circuit is not told whether it exists. */
  #checkReplaces(from: OnlinePortal, { peer, transport, replaces }: CircuitRequest): void {
    if (!replaces) return;
    const { book, context } = this.#options;
    const circuit = book.replaceable(replaces, context.now());
    const own = circuit?.from === from.name && circuit.to === parseSpiffeId(peer)?.name;
    if (own && transport === 'udp' && circuit.transport === 'udp') return;
    throw new NetportError('not_found', `${from.name} has no UDP circuit ${replaces} to ${peer} to replace`);
  }

  async #allocate(from: OnlinePortal, to: OnlinePortal, setup: Setup): Promise<LegOffer> {
    const { roster } = this.#options;
    const ranked = rankRelays(roster.relayChoice(from, to, setup.request.avoid));
    for (const name of ranked) {
      const relay = roster.relayNamed(name);
      const leg = relay && (await this.#tryRelay(relay, from, to, setup));
      if (leg) return leg;
    }
    throw new NetportError(
      'relay_unavailable',
      ranked.length > 0 ? `none of ${ranked.length} relays opened a circuit` : 'no relay with room is online',
    );
  }

  /** Undefined when the relay did not open the circuit: the next one may. */
  async #tryRelay(
    relay: OnlineRelay,
    from: OnlinePortal,
    to: OnlinePortal,
    setup: Setup,
  ): Promise<LegOffer | undefined> {
    const { context, book, log, onOpened } = this.#options;
    const { trace, request } = setup;
    const { transport, replaces } = request;
    const circuitId = randomUUID() as CircuitId;
    const tokens: [string, string] = [legToken(), legToken()];
    const open = () => openCircuit(relay, { circuitId, transport, tokens });
    const opened = await trace
      .step('relay.open', open, { 'netport.relay': relay.name })
      .catch((error: NetportError) => {
        log.warn({ relay: relay.name, code: error.code }, `relay did not open a circuit: ${error.message}`);
        // It may have opened it all the same, only too late.
        relay.session.send({ type: 'circuit.close', circuitId });
        return undefined;
      });
    if (!opened) return undefined;

    const circuit: CircuitRecord = {
      id: circuitId,
      from: from.name,
      to: to.name,
      transport,
      relay: relay.name,
      ports: opened.ports,
      datapath: 'userspace',
      state: 'opening',
      createdAt: context.now(),
      sent: 0,
      received: 0,
    };
    book.add(circuit);
    const joining = onOpened(circuit, replaces);
    await circuitOpened(context, { name: from.id, origin: from.origin }, circuit);
    const { address: host, legPort } = relay.hello;
    const { traceparent } = trace;
    const leg = this.#offerLegs({ circuit, host, legPort, tokens, from, to, replaces, traceparent });
    void this.#watch(joining, setup);
    return leg;
  }

  async #watch(joining: Promise<Outcome>, { request, since, trace }: Setup): Promise<void> {
    const join = async (): Promise<void> => {
      const outcome = await joining;
      this.#options.onSetUp(request.transport, outcome, seconds(since));
      if (outcome !== 'ok') throw new NetportError(outcome, 'the circuit ended before both portals had joined it');
    };
    // For the trace alone: whoever ended it has told those whom it concerns.
    await trace.step('circuit.join', join).catch(() => {});
  }

  /** The peer's leg is sent, the requester's is returned. */
  #offerLegs({ circuit, host, legPort, tokens, from, to, replaces, traceparent }: Offering): LegOffer {
    const { id: circuitId, transport, relay, ports, createdAt } = circuit;
    const expiresAt = new Date(createdAt.getTime() + limits.legBindTimeout).toISOString();
    const common = {
      ...{ circuitId, transport, relay, host, expiresAt },
      ...(transport === 'tcp' && legPort !== undefined && { legPort }),
      ...(replaces && { replaces }),
      ...(traceparent && { traceparent }),
    };
    try {
      // The relay took its time: the pair or the other portal may be gone meanwhile.
      this.#checkPermitted(from, to.id);
      const leg: LegOffer = { ...common, peer: from.id, role: 'server', port: ports[1], token: tokens[1] };
      if (!to.session.send({ type: 'circuit.offer', leg })) {
        throw new NetportError('peer_offline', `portal ${to.name} has just lost its control session`);
      }
    } catch (thrown) {
      const error = asNetportError(thrown);
      this.#options.close(circuit, error.code);
      throw error;
    }
    return { ...common, peer: to.id, role: 'client', port: ports[0], token: tokens[0] };
  }

  async #auditDenial(portal: OnlinePortal, request: CircuitRequest, error: NetportError): Promise<void> {
    const { context, log } = this.#options;
    if (!portal.auditEvents.take(context.now().getTime())) {
      portal.droppedEvents += 1;
      return;
    }
    await auditEvent(
      context,
      { name: portal.id, origin: portal.origin },
      {
        action: 'circuit.deny',
        subject: portal.name,
        code: error.code,
        detail: { peer: request.peer, transport: request.transport, message: error.message },
      },
    ).catch((failure) => log.error({ err: failure }, 'audit event not written'));
  }
}

async function openCircuit(
  relay: OnlineRelay,
  circuit: { circuitId: CircuitId; transport: Transport; tokens: [string, string] },
): Promise<Opened> {
  relay.opening += 1;
  try {
    const answer = await relay.session.request<Opened>({ type: 'circuit.open', ...circuit }, limits.relayOpenTimeout);
    if (answer.type !== 'circuit.opened' || answer.circuitId !== circuit.circuitId) {
      throw new NetportError('protocol_error', 'the answer is not about this circuit');
    }
    return answer;
  } catch (thrown) {
    throw asNetportError(thrown, 'unavailable');
  } finally {
    relay.opening -= 1;
  }
}

const seconds = (since: number): number => (performance.now() - since) / 1000;

/** 32 random bytes: known to the relay and to one portal. */
const legToken = (): string => randomBytes(32).toString('base64url');
