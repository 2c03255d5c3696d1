import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { fingerprintsIn, type PeerIdentity, type Revocations } from '@netport/pki';
import { controlSubprotocol, limits, parseSpiffeId } from '@netport/protocol';
import type { Logger, Tracing } from '@netport/runtime';
import { WebSocketServer } from 'ws';
import { StreamRecords } from '../audit/stream-records.js';
import type { Bus } from '../bus/bus.js';
import type { Metrics } from '../metrics.js';
import { originOf } from '../origin.js';
import type { SigningIdentity } from '../policy/sign.js';
import { publicError } from '../problem.js';
import type { Change } from '../state/change.js';
import type { StateContext } from '../state/context.js';
import type { Inspection, Presence } from '../state/presence.js';
import type { Refusals } from '../state/refusals.js';
import type { PairRecord } from '../store/store.js';
import { admit, refuseUpgrade } from './admission.js';
import { Allocation } from './allocation.js';
import { CircuitBook } from './circuit-book.js';
import { Circuits } from './circuits.js';
import { FanOut } from './fan-out.js';
import { LiveInspection } from './inspection.js';
import { acceptPortal } from './portal-session.js';
import { acceptRelay } from './relay-session.js';
import { Roster } from './roster.js';
import type { Closable } from './session.js';

export interface SignallingOptions {
  context: StateContext;
  bus: Bus;
  refusals: Refusals;
  signer: () => SigningIdentity;
  metrics: Metrics;
  tracing: Tracing;
  log: Logger;
}

/** What the sessions work with. */
export interface SignallingParts {
  context: StateContext;
  roster: Roster;
  fanOut: FanOut;
  circuits: Circuits;
  allocation: Allocation;
  refusals: Refusals;
  streams: StreamRecords;
  /** The access pairs of the policy in force. */
  pairs: () => readonly PairRecord[];
  /** A portal has in force what it was sent, so many seconds after the change. */
  onPolicyPushed: (seconds: number) => void;
  log: Logger;
}

/** The control channel: who is connected, what they are told, and what they say. */
export class Signalling {
  readonly presence: Presence;
  readonly inspection: Inspection;
  readonly #parts: SignallingParts;
  readonly #sockets: WebSocketServer;
  readonly #unsubscribe: () => void;
  /** Every session that has not ended, also those whose `hello` is still to come. */
  readonly #sessions = new Map<Closable, PeerIdentity>();

  /** Loads what survived a restart. */
  static async start(options: SignallingOptions): Promise<Signalling> {
    const { context, bus, refusals, signer, metrics, tracing, log } = options;
    const book = new CircuitBook();
    const roster = new Roster(context, (relay) => book.count(relay));
    const streams = new StreamRecords({ context, online: (portal) => roster.portalNamed(portal) !== undefined, log });
    const onPolicy = (): void => {
      streams.learn(pairs());
      circuits.enforce();
    };
    const fanOut = await FanOut.start({ context, bus, roster, signer, onPolicy, log });
    const pairs = () => fanOut.policy.pairs;
    streams.learn(pairs());
    const circuits = new Circuits({ context, roster, book, pairs, log });
    await circuits.load();
    const allocation = new Allocation({
      context,
      roster,
      book,
      pairs,
      onOpened: (circuit, replaces) => circuits.opened(circuit, replaces),
      onSetUp: (...setUp) => metrics.circuitSetUp(...setUp),
      tracing,
      close: (circuit, code) => circuits.close(circuit, code),
      log,
    });
    metrics.observe({
      sessions: (kind) => (kind === 'portal' ? roster.portals : roster.relays).size,
      members: async (kind) => (await context.store.records.members.list(kind)).length,
      circuits: () => book.size,
      freeCircuits: () => roster.freeCircuits(),
    });
    const inspection = new LiveInspection(roster, book, pairs, context.now);
    const onPolicyPushed = (seconds: number): void => metrics.policyPushed(seconds);
    const parts = { context, roster, fanOut, circuits, allocation, refusals, streams, pairs, onPolicyPushed, log };
    return new Signalling(parts, inspection, bus);
  }

  private constructor(parts: SignallingParts, inspection: Inspection, bus: Bus) {
    this.#parts = parts;
    this.presence = parts.roster;
    this.inspection = inspection;
    this.#unsubscribe = bus.subscribe((change) => {
      this.#expel(change);
      if (change.authority) this.#endRetired();
    });
    this.#sockets = new WebSocketServer({
      noServer: true,
      maxPayload: limits.controlMessageBytes,
      perMessageDeflate: false,
      handleProtocols: () => controlSubprotocol,
    });
  }

  get revocations(): Revocations {
    return this.#parts.fanOut.revocations;
  }

  /** Resolves when the portals that are online have the latest policy in force, or do not answer in time. */
  settled(): Promise<void> {
    return this.#parts.fanOut.settled();
  }

  /** For the `upgrade` event of the HTTPS server. Resolves with whether it was somebody who is known. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<boolean> {
    const { context, fanOut, refusals, log } = this.#parts;
    const origin = originOf(request.socket);
    const ignore = (): void => {};
    socket.on('error', ignore);
    try {
      const identity = await admit(context, request, () => fanOut.revocations);
      socket.off('error', ignore);
      this.#sockets.handleUpgrade(request, socket, head, (ws) => {
        const accept = identity.kind === 'portal' ? acceptPortal : acceptRelay;
        const session: Closable = accept(this.#parts, ws, identity, origin);
        this.#sessions.set(session, identity);
        void session.ended.then(() => this.#sessions.delete(session));
      });
      return true;
    } catch (thrown) {
      const error = publicError(thrown);
      log.info({ origin, code: error.code, ...(error.code === 'internal' && { err: thrown }) }, 'session refused');
      refusals.session(origin, error).catch((failure) => log.error({ err: failure }, 'audit event not written'));
      refuseUpgrade(socket, error);
      return false;
    }
  }

  /** Ends every session; resolves when they have ended. */
  async stop(): Promise<void> {
    const { fanOut, circuits, streams } = this.#parts;
    this.#unsubscribe();
    await fanOut.stop();
    circuits.stop();
    const sessions = [...this.#sessions.keys()];
    for (const session of sessions) session.close('draining', 'draining', 'the control server is shutting down');
    await Promise.all(sessions.map(({ ended }) => ended));
    await streams.stop();
    this.#sockets.close();
  }

  /** Who came with a certificate of a root that counts no more may come back with a newer one. */
  #endRetired(): void {
    const roots = new Set(fingerprintsIn(this.#parts.context.authority.rootPem));
    for (const [session, { rootFingerprint }] of this.#sessions) {
      if (roots.has(rootFingerprint)) continue;
      session.close('draining', 'draining', 'the root CA of the certificate that it began with was retired');
    }
  }

  #expel({ expelled }: Change): void {
    const { roster, fanOut, circuits } = this.#parts;
    for (const { id, code } of expelled) {
      const identity = parseSpiffeId(id);
      if (identity?.kind === 'portal' || identity?.kind === 'relay') circuits.expel(identity.kind, identity.name, code);
      for (const [session, owner] of this.#sessions) {
        if (owner.id === id) session.close('expelled', code, 'an administrator ended this identity');
      }
      // Not only when its socket closes: from now on it is nobody's peer.
      roster.portals.delete(id);
      if (roster.relays.delete(id)) fanOut.relaysChanged();
    }
  }
}
