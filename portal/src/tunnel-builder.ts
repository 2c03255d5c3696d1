import type { Trust } from '@netport/pki';
import {
  asNetportError,
  type CircuitId,
  type LegOffer,
  type Name,
  type NetportError,
  type SpiffeId,
  type Transport,
} from '@netport/protocol';
import { type Logger, noTracing, type Trace, type Tracing } from '@netport/runtime';
import type { CircuitContext } from './control/session.js';
import { buildTunnel } from './path/circuit.js';
import type { LegPath } from './path/leg-path.js';
import { tunnelTransport } from './path/transport-choice.js';
import type { Congestion } from './tunnel/quic/config.js';
import type { IncomingFlow, IncomingStream, Tunnel } from './tunnel/tunnel.js';
import { DialFailure } from './tunnel/tunnels.js';

export interface TunnelBuilderOptions {
  /** Looked at for each tunnel anew: it may have been renewed. */
  identity: () => { keyPem: string; chainPem: string };
  trust: () => Trust;
  requestCircuit: (peer: SpiffeId, transport: Transport, avoid: Name[], about: CircuitContext) => Promise<LegOffer>;
  /** Says that a circuit of this portal is not needed after all. */
  closeCircuit: (circuitId: CircuitId) => void;
  /** `bbr` unless given. */
  congestion?: Congestion;
  /** An HTTP proxy that TCP goes through. */
  proxy?: URL | undefined;
  /** None unless given. */
  tracing?: Tracing;
  log: Logger;
  now: () => Date;
}

export interface TunnelBuilderUser {
  /** A tunnel that this portal asked for is up, after so many seconds. */
  onDialled(tunnel: Tunnel, seconds: number): void;
  /** What a tunnel over UDP runs over. */
  onPath(tunnel: Tunnel, path: LegPath): void;
  onStream(peer: SpiffeId, transport: 'tcp' | 'quic', stream: IncomingStream): void;
  onFlow(peer: SpiffeId, transport: 'tcp' | 'quic', flow: IncomingFlow): void;
}

/** Builds tunnels at either end of a circuit, each as a trace, and gives one up whose circuit was closed. */
export class TunnelBuilder {
  readonly #options: TunnelBuilderOptions;
  readonly #user: TunnelBuilderUser;
  /** Circuits that have no tunnel yet. */
  readonly #setUps = new Map<CircuitId, AbortController>();

  constructor(options: TunnelBuilderOptions, user: TunnelBuilderUser) {
    this.#options = options;
    this.#user = user;
  }

  /** As its client, over a circuit that is asked for. Rejects with DialFailure once there was one. */
  dial(peer: SpiffeId, transport: Transport, avoid: Name[], abandon: AbortSignal): Promise<Tunnel> {
    const since = performance.now();
    return this.#trace(undefined).step('tunnel.dial', async (trace) => {
      const { requestCircuit, closeCircuit } = this.#options;
      const leg = await trace.step('circuit.request', ({ traceparent }) =>
        requestCircuit(peer, transport, avoid, { traceparent }),
      );
      try {
        const tunnel = await this.#build(leg, trace, abandon);
        this.#user.onDialled(tunnel, (performance.now() - since) / 1000);
        return tunnel;
      } catch (thrown) {
        // The peer would wait for this side until its patience ends.
        if (abandon.aborted) closeCircuit(leg.circuitId);
        throw new DialFailure(leg.relay, asNetportError(thrown, 'tunnel_failed'));
      }
    });
  }

  /** As its server, over a circuit that the peer asked for. */
  accept(leg: LegOffer): Promise<Tunnel> {
    return this.#trace(leg.traceparent).step('tunnel.accept', (trace) => this.#build(leg, trace));
  }

  circuitClosed(circuitId: CircuitId, reason: NetportError): void {
    this.#setUps.get(circuitId)?.abort(reason);
  }

  /** Goes on with a trace, or begins one. */
  #trace(traceparent?: string): Trace {
    return (this.#options.tracing ?? noTracing).from(traceparent);
  }

  async #build(leg: LegOffer, trace: Trace, abandon?: AbortSignal): Promise<Tunnel> {
    const { identity, trust, now, congestion = 'bbr', proxy, log } = this.#options;
    const { onPath, onStream, onFlow } = this.#user;
    const transport = tunnelTransport(leg.transport);
    const closed = new AbortController();
    this.#setUps.set(leg.circuitId, closed);
    try {
      return await buildTunnel(leg, {
        identity: identity(),
        trust,
        now,
        congestion,
        onOwnCongestion: (reason) =>
          log.debug({ congestion, reason }, 'congestion control of a leg left as the system has it'),
        proxy,
        trace,
        onPath,
        abandon: abandon ? AbortSignal.any([abandon, closed.signal]) : closed.signal,
        onStream: (peer, stream) => onStream(peer, transport, stream),
        onFlow: (peer, flow) => onFlow(peer, transport, flow),
      });
    } catch (thrown) {
      throw closed.signal.aborted ? closed.signal.reason : thrown;
    } finally {
      this.#setUps.delete(leg.circuitId);
    }
  }
}
