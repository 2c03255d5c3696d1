import {
  asNetportError,
  type CircuitId,
  type ErrorCode,
  type LegOffer,
  limits,
  type Name,
  NetportError,
  type SpiffeId,
  type Transport,
} from '@netport/protocol';
import type { Logger } from '@netport/runtime';
import type { Tunnel } from '../tunnel/tunnel.js';
import type { LegPath } from './leg-path.js';
import { watchNetwork } from './network.js';

export interface UdpPathsOptions {
  requestCircuit(peer: SpiffeId, transport: Transport, avoid: Name[], replaces: CircuitId): Promise<LegOffer>;
  /** A circuit that was offered and is of no use: the other side is told. */
  closeCircuit(circuitId: CircuitId): void;
  /** What tells the network that this machine is on from others. */
  network: () => string;
  /** A relay has gone, or the network that leads to it: then the control server may be out of reach too, and not know. */
  onLost: () => void;
  log: Logger;
}

/** Ends of a circuit that say nothing against its tunnel. */
const survivable: ReadonlySet<ErrorCode> = new Set(['draining', 'circuit_closed']);

/** What a standing tunnel runs over. */
interface Footing {
  tunnel: Tunnel;
  path: LegPath;
  /** All that it was offered: the peer may have taken one that this side could not, and not know of the latest. */
  circuits: Set<CircuitId>;
  /** Relays that failed it, until one does not. */
  failed: Set<Name>;
  moving: boolean;
  /** Ends the latest move. */
  move: AbortController;
}

/**
 * The paths of the tunnels over UDP. They follow this machine to other networks, and go on over another relay when theirs has
 * gone: the client asks for a circuit in the place of the old one, and both sides put it under the tunnel, which does not
 * notice. What does not succeed is tried again until the tunnel's own patience ends.
 */
export class UdpPaths {
  readonly #options: UdpPathsOptions;
  readonly #footings = new Set<Footing>();
  #unwatch: (() => void) | undefined;

  constructor(options: UdpPathsOptions) {
    this.#options = options;
  }

  add(tunnel: Tunnel, path: LegPath): void {
    const circuits = new Set([tunnel.context.circuitId]);
    const footing: Footing = { tunnel, path, circuits, failed: new Set(), moving: false, move: new AbortController() };
    this.#footings.add(footing);
    path.onLost = () => {
      this.#options.onLost();
      void this.#replace(footing);
    };
    this.#watchNetwork();
    void tunnel.closed.then(() => {
      footing.move.abort();
      this.#footings.delete(footing);
      this.#watchNetwork();
    });
  }

  /** Takes the server's side of a circuit that the peer wants in another's place. */
  async take(leg: LegOffer): Promise<void> {
    const { peer, replaces, circuitId } = leg;
    const footing = this.#find(replaces, (context) => context.role === 'server' && context.peer === peer);
    try {
      if (!footing) {
        throw new NetportError('circuit_closed', `no tunnel of ${peer} runs over the circuit ${replaces} any more`);
      }
      await this.#move(footing, leg);
    } catch (thrown) {
      // The peer may have moved to it, and its relay answers: nothing else would tell it.
      this.#options.closeCircuit(circuitId);
      throw thrown;
    }
  }

  /** Whether a tunnel goes on without the circuit that it runs over, which has ended. */
  outlives(circuitId: CircuitId, code: ErrorCode): boolean {
    const footing = this.#find(circuitId, (context) => context.circuitId === circuitId);
    if (!footing || !survivable.has(code)) return false;
    const { tunnel, circuits } = footing;
    // A replacement may end because the client could not take it: then it asks for another, whatever the tunnel carries.
    const replaced = tunnel.context.role === 'server' && circuits.size > 1;
    if (tunnel.counters().streams === 0 && !replaced) return false;
    void this.#replace(footing);
    return true;
  }

  /** Moves a tunnel that carries something away from its circuit, which goes on until then. False where there is none. */
  leave(circuitId: CircuitId): boolean {
    const footing = this.#find(circuitId, (context) => context.circuitId === circuitId);
    if (!footing || footing.tunnel.counters().streams === 0) return false;
    void this.#replace(footing);
    return true;
  }

  #find(circuitId: CircuitId | undefined, fits: (context: Tunnel['context']) => boolean): Footing | undefined {
    if (!circuitId) return undefined;
    return [...this.#footings].find(({ tunnel, circuits }) => circuits.has(circuitId) && fits(tunnel.context));
  }

  /** Only the client can ask; it finds out as soon as the server does. */
  async #replace(footing: Footing): Promise<void> {
    const { failed, moving, tunnel } = footing;
    const { peer, role, relay, circuitId } = tunnel.context;
    if (role === 'server' || moving) return;
    footing.moving = true;
    failed.add(relay as Name);
    let leg: LegOffer | undefined;
    try {
      leg = await this.#options.requestCircuit(peer, 'udp', [...failed], circuitId);
      failed.add(leg.relay);
      await this.#move(footing, leg);
      failed.clear();
    } catch (thrown) {
      const { code, message } = asNetportError(thrown, 'unavailable');
      if (leg) this.#options.closeCircuit(leg.circuitId);
      this.#options.log.warn({ peer, relay, circuitId, code }, `no other relay for the tunnel yet: ${message}`);
    } finally {
      footing.moving = false;
    }
  }

  async #move(footing: Footing, leg: LegOffer): Promise<void> {
    const { tunnel, path, circuits } = footing;
    const { relay, circuitId } = leg;
    circuits.add(circuitId);
    // The client has given up what came before: whoever got there late would be there alone.
    footing.move.abort();
    footing.move = new AbortController();
    await path.moveTo(leg, { timeout: limits.circuitReplaceTimeout, abandon: footing.move.signal });
    Object.assign(tunnel.context, { relay, circuitId });
    const { peer, role } = tunnel.context;
    this.#options.log.info({ peer, role, relay, circuitId, replaces: leg.replaces }, 'tunnel moved to another circuit');
  }

  #watchNetwork(): void {
    if (this.#footings.size === 0) {
      this.#unwatch?.();
      this.#unwatch = undefined;
    } else {
      this.#unwatch ??= watchNetwork(this.#options.network, () => {
        for (const { path } of this.#footings) path.follow();
      });
    }
  }
}
