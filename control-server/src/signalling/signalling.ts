import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Revocations } from '@netport/pki';
import {
  asNetportError,
  controlSubprotocol,
  decodeMessage,
  limits,
  type PortalCommand,
  type PortalMessage,
  parseSpiffeId,
  portalMessageSchema,
  type RelayCommand,
  type RelayMessage,
  relayMessageSchema,
  type SpiffeId,
} from '@netport/protocol';
import type { Logger } from '@netport/runtime';
import { type WebSocket, WebSocketServer } from 'ws';
import { originOf } from '../api/origin.js';
import type { Inspection } from '../api/services.js';
import type { Bus } from '../bus/bus.js';
import type { Metrics } from '../metrics.js';
import type { SigningIdentity } from '../policy/sign.js';
import type { Change } from '../state/change.js';
import type { StateContext } from '../state/context.js';
import type { Presence } from '../state/presence.js';
import { memberSeen, portalReported } from '../state/sessions.js';
import { type Admitted, admit, refuseUpgrade } from './admission.js';
import { Allocation } from './allocation.js';
import { CircuitBook } from './circuit-book.js';
import { Circuits } from './circuits.js';
import { FanOut } from './fan-out.js';
import { LiveInspection } from './inspection.js';
import { enter, leave, type OnlinePortal, type OnlineRelay, onlinePortal, onlineRelay, Roster } from './roster.js';
import { Session } from './session.js';

export interface SignallingOptions {
  context: StateContext;
  bus: Bus;
  signer: () => SigningIdentity;
  metrics: Metrics;
  log: Logger;
}

/** The control channel: who is connected, what they are told, and what they say. */
export class Signalling {
  readonly presence: Presence;
  readonly inspection: Inspection;
  readonly #options: SignallingOptions;
  readonly #sockets: WebSocketServer;
  readonly #roster: Roster;
  readonly #circuits: Circuits;
  readonly #allocation: Allocation;
  readonly #fanOut: FanOut;
  readonly #unsubscribe: () => void;
  /** Admitted, but hello is still to come. */
  readonly #greeting = new Map<SpiffeId, Pick<Session<never, never>, 'close'>>();

  /** Loads what survived a restart. */
  static async start(options: SignallingOptions): Promise<Signalling> {
    const { context, bus, signer, log } = options;
    const book = new CircuitBook();
    const roster = new Roster(context, (relay) => book.count(relay));
    const fanOut = await FanOut.start({ context, bus, roster, signer, onPolicy: () => circuits.enforce(), log });
    const pairs = () => fanOut.policy.pairs;
    const circuits = new Circuits({ context, roster, book, pairs, log });
    await circuits.load();
    return new Signalling(options, { book, roster, circuits, fanOut });
  }

  private constructor(
    options: SignallingOptions,
    parts: { book: CircuitBook; roster: Roster; circuits: Circuits; fanOut: FanOut },
  ) {
    const { context, bus, log, metrics } = options;
    const { book, roster, circuits, fanOut } = parts;
    const pairs = () => fanOut.policy.pairs;
    this.#options = options;
    this.#roster = roster;
    this.#circuits = circuits;
    this.#fanOut = fanOut;
    this.#allocation = new Allocation({
      context,
      roster,
      book,
      pairs,
      onOpened: (circuit) => circuits.opened(circuit),
      close: (circuit, code) => circuits.close(circuit, code),
      log,
    });
    this.presence = roster;
    this.inspection = new LiveInspection(roster, book, pairs);
    this.#unsubscribe = bus.subscribe((change) => this.#expel(change));
    this.#sockets = new WebSocketServer({
      noServer: true,
      maxPayload: limits.controlMessageBytes,
      perMessageDeflate: false,
      handleProtocols: () => controlSubprotocol,
    });
    metrics.observe({
      portals: () => roster.portals.size,
      relays: () => roster.relays.size,
      circuits: () => book.size,
    });
  }

  get revocations(): Revocations {
    return this.#fanOut.revocations;
  }

  /** For the `upgrade` event of the HTTPS server. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { context, log } = this.#options;
    const ignore = (): void => {};
    socket.on('error', ignore);
    try {
      const admitted = await admit(context, request, () => this.#fanOut.revocations);
      socket.off('error', ignore);
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#accept(ws, admitted, originOf(request.socket)));
    } catch (thrown) {
      const error = asNetportError(thrown);
      const fault = error.code === 'internal' && { err: thrown };
      log.info({ origin: originOf(request.socket), code: error.code, ...fault }, `refused: ${error.message}`);
      refuseUpgrade(socket, error);
    }
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    await this.#fanOut.stop();
    this.#circuits.stop();
    const online = [...this.#roster.portals.values(), ...this.#roster.relays.values()];
    for (const session of [...online.map(({ session }) => session), ...this.#greeting.values()]) {
      session.close('draining', 'draining', 'the control server is shutting down');
    }
    this.#sockets.close();
  }

  #accept(socket: WebSocket, admitted: Admitted, origin: string): void {
    if (admitted.identity.kind === 'portal') this.#acceptPortal(socket, admitted, origin);
    else this.#acceptRelay(socket, admitted, origin);
  }

  #acceptPortal(socket: WebSocket, { identity }: Admitted, origin: string): void {
    const { context } = this.#options;
    const log = this.#options.log.child({ portal: identity.name });
    let portal: OnlinePortal | undefined;
    const session = new Session<PortalMessage, PortalCommand>({
      socket,
      decode: (text) => decodeMessage(portalMessageSchema, text),
      log,
      onHello: (hello) => {
        this.#greeting.delete(identity.id);
        portal = onlinePortal({ ...identity, origin, session, hello }, context.now());
        enter(this.#roster.portals, portal);
        this.#seen('portal', portal.name, origin, hello.version);
        this.#fanOut.greetPortal(portal);
        log.info({ origin, version: hello.version }, 'portal online');
      },
      onMessage: (message) => {
        if (portal) this.#onPortalMessage(portal, message);
      },
      onEnd: () => {
        if (!portal || !leave(this.#roster.portals, portal)) return;
        this.#seen('portal', portal.name, origin, portal.hello.version);
        log.info('portal offline');
      },
    });
    this.#greeting.set(identity.id, session);
  }

  #acceptRelay(socket: WebSocket, { identity }: Admitted, origin: string): void {
    const { context } = this.#options;
    const log = this.#options.log.child({ relay: identity.name });
    let relay: OnlineRelay | undefined;
    const session = new Session<RelayMessage, RelayCommand>({
      socket,
      decode: (text) => decodeMessage(relayMessageSchema, text),
      log,
      onHello: (hello) => {
        this.#greeting.delete(identity.id);
        relay = onlineRelay({ ...identity, origin, session, hello }, context.now());
        enter(this.#roster.relays, relay);
        this.#seen('relay', relay.name, hello.address, hello.version);
        this.#fanOut.greetRelay(relay);
        this.#circuits.reconcile(relay);
        this.#fanOut.relaysChanged();
        log.info({ origin, address: hello.address, circuits: hello.circuits.length }, 'relay online');
      },
      onMessage: (message) => {
        if (relay) this.#onRelayMessage(relay, message);
      },
      onEnd: () => {
        if (!relay || !leave(this.#roster.relays, relay)) return;
        this.#seen('relay', relay.name, relay.hello.address, relay.hello.version);
        this.#fanOut.relaysChanged();
        log.info('relay offline');
      },
    });
    this.#greeting.set(identity.id, session);
  }

  #onPortalMessage(portal: OnlinePortal, message: PortalMessage): void {
    const { context, log } = this.#options;
    switch (message.type) {
      case 'circuit.request':
        void this.#allocation.answer(portal, message);
        break;
      case 'listeners':
        portal.policyVersion = message.version;
        portal.failedListeners = new Map(message.failed.map(({ pair, code, message }) => [pair, { code, message }]));
        break;
      case 'relay.rtt':
        portal.roundTrips = message.rttMs;
        break;
      case 'event': {
        if (!portal.auditEvents.take(context.now().getTime())) {
          portal.droppedEvents += 1;
          break;
        }
        const dropped = portal.droppedEvents;
        portal.droppedEvents = 0;
        portalReported(context, { name: portal.id, origin: portal.origin }, message, dropped).catch((error) =>
          log.error({ err: error }, 'audit event not written'),
        );
        break;
      }
      case 'error':
        log.warn({ portal: portal.name, code: message.code }, `portal reports: ${message.message}`);
    }
  }

  #onRelayMessage(relay: OnlineRelay, message: RelayMessage): void {
    switch (message.type) {
      case 'circuit.joined':
        this.#circuits.joined(relay, message.circuitId);
        break;
      case 'circuit.ended':
        this.#circuits.ended(relay, message);
        break;
      case 'counters':
        this.#circuits.counters(relay, message);
        for (const done of relay.reportWaiters) done();
        break;
      case 'error':
        this.#options.log.warn({ relay: relay.name, code: message.code }, `relay reports: ${message.message}`);
    }
  }

  #expel({ expelled }: Change): void {
    for (const { id, code } of expelled) {
      const identity = parseSpiffeId(id);
      if (identity?.kind === 'portal' || identity?.kind === 'relay') {
        this.#circuits.expel(identity.kind, identity.name, code);
      }
      const portal = this.#roster.portals.get(id);
      const relay = this.#roster.relays.get(id);
      for (const session of [portal?.session, relay?.session, this.#greeting.get(id)]) {
        session?.close('expelled', code, 'an administrator ended this identity');
      }
      // Not when its socket closes: from now on it is nobody's peer.
      this.#greeting.delete(id);
      this.#roster.portals.delete(id);
      if (this.#roster.relays.delete(id)) this.#fanOut.relaysChanged();
    }
  }

  #seen(kind: 'portal' | 'relay', name: string, address: string, version: string): void {
    memberSeen(this.#options.context, { kind, name, address, version }).catch((error) =>
      this.#options.log.error({ err: error }, 'last contact not kept'),
    );
  }
}
