import {
  asNetportError,
  limits,
  type Name,
  NetportError,
  type SpiffeId,
  type Transport,
  type TransportPreference,
} from '@netport/protocol';
import type { Logger } from '@netport/runtime';
import { QuicRecords } from './path/quic-records.js';
import { QuicTrials, type Trial } from './path/quic-trials.js';
import { race } from './path/race.js';
import {
  circuitsToTry,
  type Preferences,
  type QuicEvent,
  type QuicRecord,
  reasonFor,
  retryIn,
  tunnelTransport,
} from './path/transport-choice.js';
import type { Tunnel } from './tunnel/tunnel.js';
import { DialFailure } from './tunnel/tunnels.js';

export interface DiallerOptions {
  preference: TransportPreference;
  /** Asks for a circuit and builds a tunnel as its client. Rejects with DialFailure once there was a circuit. */
  attempt(peer: SpiffeId, transport: Transport, avoid: Name[], abandon: AbortSignal): Promise<Tunnel>;
  /** Takes a tunnel that nobody waits for. */
  adopt(tunnel: Tunnel): void;
  /** Every tunnel that stands. */
  tunnels: () => readonly Tunnel[];
  /** What tells the network that this machine is on from others. */
  network: () => string;
  /** Why there is no QUIC on this machine. Asked when a tunnel may need it, not before: then the stack is loaded. */
  quicUnavailable: () => Promise<string | undefined>;
  now: () => number;
  log: Logger;
}

/** What another transport would not change: the control server's word, or that the peer is not who it should be. */
function isFinal(error: unknown): boolean {
  if (error instanceof DialFailure) return error.reason.code.startsWith('cert_');
  // A relay may be out of UDP ports alone.
  return asNetportError(error).code !== 'relay_unavailable';
}

/** Builds tunnels over the transport that gets through, remembers which one that was, and goes back to QUIC when it can. */
export class Dialler {
  /** Dials that TCP won after QUIC had been tried, and tunnels over TCP that one over QUIC took the place of. */
  readonly counters = { fallbacks: 0, upgrades: 0 };
  readonly #options: DiallerOptions;
  readonly #records = new QuicRecords();
  readonly #trials: QuicTrials;
  /** What the access pair preferred that a tunnel was dialled for. */
  readonly #dialledFor = new WeakMap<Tunnel, TransportPreference>();
  readonly #watch: NodeJS.Timeout | undefined;
  #network: string;
  /** Why there is no QUIC, once that is known. */
  #lack: string | undefined;

  constructor(options: DiallerOptions) {
    this.#options = options;
    this.#network = options.network();
    this.#trials = new QuicTrials({
      isWanted: (peer) => this.#overTcp(peer).length > 0,
      begin: (peer, abandon) => options.attempt(peer, 'udp', [], abandon),
      onUp: (tunnel) => this.#upgrade(tunnel),
      onFailed: (...failure) => this.#trialFailed(...failure),
      discard,
    });
    if (this.#remembers) this.#watch = setInterval(() => this.#lookAtNetwork(), limits.networkInterval).unref();
  }

  /**
   * Which of the tunnels that stand a stream takes, or undefined: one has to be dialled. TCP serves who would rather have
   * QUIC only while QUIC does not get through, not because another access pair has a tunnel over it.
   */
  choose(peer: SpiffeId, pair: TransportPreference, standing: readonly Tunnel[]): Tunnel | undefined {
    const over = (circuit: Transport | undefined): Tunnel | undefined =>
      standing.find(({ context }) => circuit && context.transport === tunnelTransport(circuit));
    const [wanted, other] = circuitsToTry(this.#preferences(pair));
    const suitable = over(wanted);
    if (suitable) return suitable;
    const instead = this.#isDown(peer, pair) ? over(other) : undefined;
    if (instead && !this.#trials.has(peer)) this.#tryLater(peer);
    return instead;
  }

  async dial(peer: SpiffeId, avoid: Name[], pair: TransportPreference): Promise<Tunnel> {
    const { attempt } = this.#options;
    if (pair !== 'tcp') await this.#lookForQuic();
    this.#lookAtNetwork();
    const circuits = circuitsToTry(this.#preferences(pair), this.#record(peer));
    const headStart = pair === 'quic' ? limits.transportPatience : limits.transportHeadStart;
    const overtaken: Trial[] = [];
    const tunnel = await race(
      circuits.map((transport) => (abandon: AbortSignal) => attempt(peer, transport, avoid, abandon)),
      { headStart, isFinal, discard, overtaken: (quic, abandon) => void overtaken.push({ tunnel: quic, abandon }) },
    );
    this.#dialledFor.set(tunnel, pair);
    if (this.#remembers && pair !== 'tcp') this.#learnFrom(tunnel, circuits.length > 1, overtaken[0]);
    return tunnel;
  }

  /** A tunnel over QUIC that this portal had dialled fell silent. */
  lost(peer: SpiffeId): void {
    if (this.#remembers) this.#learn(peer, 'lost');
  }

  /** Why a tunnel runs over what it does, where this portal chose. */
  reason(tunnel: Tunnel): string | undefined {
    const { peer, role, transport } = tunnel.context;
    if (role === 'server') return undefined;
    const preferences = { operator: this.#options.preference, pair: this.#dialledFor.get(tunnel) ?? 'auto' };
    const reason = this.#lack ?? reasonFor(preferences, transport, this.#record(peer), this.#options.now());
    return reason.slice(0, limits.reasonCharacters);
  }

  /** Nothing is tried any more. */
  stop(): void {
    clearInterval(this.#watch);
    this.#trials.stop();
  }

  /** From a dial that left a choice; with QUIC that TCP has overtaken, where that is so. */
  #learnFrom(tunnel: Tunnel, quicTried: boolean, late: Trial | undefined): void {
    const { peer, transport } = tunnel.context;
    if (transport === 'quic') {
      this.#trials.cancel(peer);
      this.#learn(peer, 'up');
      return;
    }
    if (quicTried) {
      this.counters.fallbacks++;
      if (!late) this.#learn(peer, 'blocked');
      this.#options.log.info({ peer }, `tunnel over TCP: ${this.reason(tunnel)}`);
    }
    // That TCP was up first says nothing against QUIC yet: a machine that is busy for a moment is enough for it.
    if (late) this.#trials.goOnWith(peer, late);
    else this.#tryLater(peer);
  }

  /** Only where there is a choice. */
  get #remembers(): boolean {
    return circuitsToTry(this.#preferences('auto')).length > 1;
  }

  /** What the operator wants is bounded by what this machine can. */
  #preferences(pair: TransportPreference): Preferences {
    return { operator: this.#lack === undefined ? this.#options.preference : 'tcp', pair };
  }

  /** Who prefers QUIC does not take TCP because a pair in more of a hurry did. */
  #isDown(peer: SpiffeId, pair: TransportPreference): boolean {
    return this.#record(peer)?.state === 'down' || (pair !== 'quic' && this.#trials.has(peer));
  }

  async #lookForQuic(): Promise<void> {
    const { preference, quicUnavailable, log } = this.#options;
    if (preference !== 'auto' || this.#lack !== undefined) return;
    this.#lack = await quicUnavailable();
    if (this.#lack !== undefined) log.warn(`tunnels run over TCP only: ${this.#lack}`);
  }

  #record(peer: SpiffeId): QuicRecord | undefined {
    return this.#records.of(this.#network, peer);
  }

  #learn(peer: SpiffeId, event: QuicEvent): void {
    this.#records.learn(this.#network, peer, event, this.#options.now());
  }

  #tryLater(peer: SpiffeId): void {
    this.#trials.later(peer, retryIn(this.#record(peer), this.#options.now()));
  }

  #lookAtNetwork(): void {
    const network = this.#options.network();
    if (network === this.#network || !this.#remembers) return;
    this.#network = network;
    this.#options.log.info({ network }, 'on another network');
    for (const peer of this.#trials.peers) this.#trials.later(peer, 0);
  }

  #overTcp(peer: SpiffeId): Tunnel[] {
    return this.#options.tunnels().filter(({ context, open }) => {
      const { role, transport } = context;
      return open && role === 'client' && transport === 'tcp' && context.peer === peer;
    });
  }

  #upgrade(tunnel: Tunnel): void {
    const { peer } = tunnel.context;
    this.counters.upgrades++;
    this.#learn(peer, 'up');
    this.#options.adopt(tunnel);
    for (const slower of this.#overTcp(peer)) if (this.#dialledFor.get(slower) !== 'tcp') slower.drain();
    this.#options.log.info({ peer }, 'tunnel over QUIC instead of TCP');
  }

  #trialFailed(peer: SpiffeId, thrown: unknown): void {
    const tried = thrown instanceof DialFailure;
    const { code, message } = tried ? thrown.reason : asNetportError(thrown);
    this.#options.log.info({ peer, code }, `no tunnel over QUIC yet: ${message}`);
    if (tried) {
      this.#learn(peer, 'blocked');
      this.#tryLater(peer);
    } else {
      // No circuit was to be had, which says nothing about UDP.
      this.#trials.later(peer, limits.quicRetry);
    }
  }
}

/** Came up when it was no longer needed. */
const discard = (tunnel: Tunnel): void => tunnel.close(new NetportError('draining', 'another tunnel was up first'));
