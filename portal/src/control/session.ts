import { networkInterfaces } from 'node:os';
import type { Trust } from '@netport/pki';
import {
  asNetportError,
  type CircuitId,
  decodeMessage,
  type ErrorCode,
  type LegOffer,
  limits,
  type Name,
  NetportError,
  type PairId,
  type PortalCommand,
  type PortalEvent,
  type PortalMessage,
  portalCommandSchema,
  type SpiffeId,
  type StreamInfo,
  type Transport,
  type TrustMessage,
  type TrustsMessage,
  type TunnelInfo,
} from '@netport/protocol';
import { type ControlSession, type Logger, openControlSession, type StoredIdentity } from '@netport/runtime';
import { networkOf, watchNetwork } from '../path/network.js';
import { EventQueue } from './events.js';
import { probeRelays, type RelayProbe } from './probes.js';
import { StreamQueue } from './stream-queue.js';

/** What a circuit is asked for in connection with. */
export interface CircuitContext {
  /** The circuit that it is to take the place of. */
  replaces?: CircuitId | undefined;
  traceparent?: string | undefined;
}

export interface PortalSessionOptions {
  identity: () => StoredIdentity;
  trust: () => Trust;
  version: string;
  policyVersion: () => number;
  /** All throw NetportError on what they refuse. */
  acceptPolicy: (jws: string) => Promise<void>;
  acceptRevocations: (der: Uint8Array) => Promise<void>;
  acceptTrust: (message: TrustMessage) => Promise<void>;
  /** Whom this portal trusts now. */
  trusts: () => TrustsMessage;
  /** A circuit that the peer asked for. */
  onOffer: (leg: LegOffer) => void;
  onCircuitClosed: (circuitId: CircuitId, code: ErrorCode) => void;
  onCircuitLeave: (circuitId: CircuitId) => void;
  inspect: () => { tunnels: TunnelInfo[]; streams: StreamInfo[] };
  /** Tries this portal's side of a pair; resolves with what it found, in words. */
  probe: (pair: PairId) => Promise<string>;
  onUp: () => void;
  onDown: (reason: NetportError) => void;
  log: Logger;
  /** An HTTP proxy on the way. */
  proxy?: URL | undefined;
}

/** What this portal and the control server say to each other; everything that it may do comes in here. */
export class PortalSession {
  readonly events: EventQueue;
  readonly streams: StreamQueue;
  readonly #options: PortalSessionOptions;
  readonly #session: ControlSession<PortalCommand, PortalMessage>;
  readonly #probing: NodeJS.Timeout;
  readonly #unwatch: () => void;
  #relays: RelayProbe[] = [];
  #probesUnderWay = 0;
  /** Trust, policy, revocations and offers are handled one after the other, in the order that they came. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: PortalSessionOptions) {
    this.#options = options;
    this.events = new EventQueue((event) => this.#session.send(event));
    this.streams = new StreamQueue((batch) => this.#session.send(batch));
    this.#session = openControlSession<PortalCommand, PortalMessage>({
      identity: options.identity,
      trust: options.trust,
      hello: () => ({ type: 'hello', version: options.version, policyVersion: options.policyVersion() }),
      decode: (text) => decodeMessage<PortalCommand>(portalCommandSchema, text),
      onMessage: (message) => this.#handle(message),
      onUp: () => {
        options.onUp();
        this.events.flush();
        this.streams.resume();
      },
      onDown: options.onDown,
      log: options.log,
      proxy: options.proxy,
    });
    this.#probing = setInterval(() => void this.#probe(), limits.relayProbeInterval);
    // Its connection may be from an address that this machine has no more, which says nothing about that.
    this.#unwatch = watchNetwork(
      () => networkOf(networkInterfaces()),
      () => this.check(),
    );
  }

  get up(): boolean {
    return this.#session.up;
  }

  get since(): Date {
    return this.#session.since;
  }

  get starts(): number {
    return this.#session.starts;
  }

  /** Asks for a circuit to `peer`, perhaps in the place of another. Rejects with the control server's refusal or `unavailable`. */
  async requestCircuit(
    peer: SpiffeId,
    transport: Transport,
    avoid: Name[],
    { replaces, traceparent }: CircuitContext = {},
  ): Promise<LegOffer> {
    const { leg } = await this.#session.request<Extract<PortalCommand, { type: 'circuit.offer' }>>({
      type: 'circuit.request',
      peer,
      transport,
      avoid,
      ...(replaces && { replaces }),
      ...(traceparent && { traceparent }),
    });
    const asked =
      leg?.peer === peer && leg.role === 'client' && leg.transport === transport && leg.replaces === replaces;
    if (!asked) {
      throw new NetportError('protocol_error', 'the control server offered another circuit than was asked for');
    }
    return leg;
  }

  /** A circuit that this portal asked for is not needed after all. */
  closeCircuit(circuitId: CircuitId): void {
    this.#session.send({ type: 'circuit.close', circuitId });
  }

  /** The way to the control server may have changed. */
  check(): void {
    this.#session.check();
  }

  reportListeners(version: number, failed: { pair: PairId; code: ErrorCode; message: string }[]): void {
    this.#session.send({ type: 'listeners', version, failed });
  }

  /** Says whom this portal trusts, and which root its certificate is of. */
  reportTrust(): void {
    this.#session.send(this.#options.trusts());
  }

  async close(): Promise<void> {
    clearInterval(this.#probing);
    this.#unwatch();
    // What is sent now is read before the close.
    this.streams.finish();
    await this.#session.close();
    // What came before that is accepted, or refused.
    await this.#work;
  }

  #handle(message: PortalCommand): void {
    const { onOffer, onCircuitClosed, onCircuitLeave, acceptPolicy, acceptRevocations, inspect, log } = this.#options;
    switch (message.type) {
      case 'welcome':
      case 'relays':
        this.#relays = message.relays;
        void this.#probe();
        break;
      case 'policy':
        this.#enqueue('policy document', () => acceptPolicy(message.jws));
        break;
      case 'trust':
        this.#enqueue('root CAs', () => this.#options.acceptTrust(message).finally(() => this.reportTrust()));
        break;
      case 'crl':
        this.#enqueue('revocation list', () => acceptRevocations(Buffer.from(message.der, 'base64')));
        break;
      case 'circuit.offer':
        // One with an id that nobody waits for any more came too late.
        if (message.id === undefined) this.#enqueue('circuit offer', async () => onOffer(message.leg));
        break;
      case 'circuit.closed':
        onCircuitClosed(message.circuitId, message.code);
        break;
      case 'circuit.leave':
        onCircuitLeave(message.circuitId);
        break;
      case 'streams.kept':
        this.streams.kept(message.batch);
        break;
      case 'inspect':
        this.#session.send({ type: 'inspection', id: message.id, ...inspect() });
        break;
      case 'probe':
        void this.#answerProbe(message.id, message.pair);
        break;
      case 'error':
        log.warn({ code: message.code }, `the control server refused a message: ${message.message}`);
    }
  }

  async #answerProbe(id: number, pair: PairId): Promise<void> {
    const start = performance.now();
    const answer = (outcome: { code?: ErrorCode; message: string }): void => {
      const message = outcome.message.slice(0, textLength);
      this.#session.send({ type: 'probed', id, ...outcome, message, ms: performance.now() - start });
    };
    if (this.#probesUnderWay >= limits.probesAtOnce) {
      return answer({ code: 'rate_limited', message: `${limits.probesAtOnce} probes are under way already` });
    }
    this.#probesUnderWay += 1;
    try {
      answer({ message: await this.#options.probe(pair) });
    } catch (thrown) {
      const { code, message } = asNetportError(thrown);
      answer({ code, message });
    } finally {
      this.#probesUnderWay -= 1;
    }
  }

  #enqueue(what: string, task: () => Promise<void>): void {
    this.#work = this.#work.then(task).catch((thrown: unknown) => {
      const { code, message } = asNetportError(thrown);
      this.#options.log.error({ code }, `${what} refused: ${message}`);
      this.events.push(portalEvent('policy.refused', code, `${what}: ${message}`));
    });
  }

  async #probe(): Promise<void> {
    if (this.#relays.length === 0) return;
    const rttMs = await probeRelays(this.#relays);
    if (Object.keys(rttMs).length > 0) this.#session.send({ type: 'relay.rtt', rttMs });
  }
}

/** What the schema lets a message have. */
const textLength = 1024;

/** As the schema bounds it: a message names addresses and peers, and may be long. */
export const portalEvent = (
  action: PortalEvent['action'],
  code: ErrorCode,
  message: string,
  about: Pick<PortalEvent, 'pair' | 'peer' | 'source'> = {},
): PortalEvent => ({
  type: 'event',
  action,
  code,
  message: message.slice(0, textLength),
  ...about,
  at: new Date().toISOString(),
});
