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
  /** All that it ran over: the peer may not know of the latest. */
  circuits: Set<CircuitId>;
  /** Relays that failed it, until one does not. */
  failed: Set<Name>;
  moving: boolean;
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
    const footing: Footing = { tunnel, path, circuits, failed: new Set(), moving: false };
    this.#footings.add(footing);
    path.onLost = () => {
      this.#options.onLost();
      void this.#replace(footing);
    };
    this.#watchNetwork();
    void tunnel.closed.then(() => {
      this.#footings.delete(footing);
      this.#watchNetwork();
    });
  }

  /** Takes the server's side of a circuit that the peer wants in another's place. */
  async take(leg: LegOffer): Promise<void> {
    const footing = this.#find(leg.replaces, ({ role, peer }) => role === 'server' && peer === leg.peer);
    if (!footing) {
      throw new NetportError(
        'circuit_closed',
        `no tunnel of ${leg.peer} runs over the circuit ${leg.replaces} any more`,
      );
    }
    await this.#move(footing, leg);
  }

  /** Whether a tunnel goes on without the circuit that it runs over, which has ended. */
  outlives(circuitId: CircuitId, code: ErrorCode): boolean {
    const footing = this.#find(circuitId, (context) => context.circuitId === circuitId);
    if (!footing || !survivable.has(code) || footing.tunnel.counters().streams === 0) return false;
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
    try {
      const leg = await this.#options.requestCircuit(peer, 'udp', [...failed], circuitId);
      failed.add(leg.relay);
      await this.#move(footing, leg);
      failed.clear();
    } catch (thrown) {
      const { code, message } = asNetportError(thrown, 'unavailable');
      this.#options.log.warn({ peer, relay, circuitId, code }, `no other relay for the tunnel yet: ${message}`);
    } finally {
      footing.moving = false;
    }
  }

  async #move({ tunnel, path, circuits }: Footing, leg: LegOffer): Promise<void> {
    const closed = new AbortController();
    void tunnel.closed.then(() => closed.abort());
    await path.moveTo(leg, { timeout: limits.circuitReplaceTimeout, abandon: closed.signal });
    const { relay, circuitId } = leg;
    circuits.add(circuitId);
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
