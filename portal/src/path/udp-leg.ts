import { createHmac, timingSafeEqual } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import {
  type Bind,
  decodeBind,
  encodeBindBody,
  fromBase64Url,
  isBind,
  type LegOffer,
  limits,
  NetportError,
  withMac,
} from '@netport/protocol';
import { systemError } from '@netport/runtime';
import { openDatagramSocket, type UdpSocket } from './datagram-socket.js';

export type UdpLegOffer = Pick<LegOffer, 'circuitId' | 'host' | 'port' | 'token' | 'relay'>;

export interface UdpLegOptions {
  /**
   * Datagrams of the other portal, from the join on: what came at once, in order. They are lent: their memory is written
   * again after this returns, so whoever keeps one copies it.
   */
  onDatagrams: (datagrams: Buffer[]) => void;
  /** How long both legs may take to bind. */
  timeout?: number;
  /** Ends the attempt. */
  abandon?: AbortSignal;
  openSocket?: typeof openDatagramSocket;
}

/** How exactly keep-alives are timed. */
const tick = 1000;

/**
 * Binds one UDP leg and waits for the other. Rejects with `leg_rejected`, or `circuit_expired` when the relay took the leg
 * and the other portal did not come.
 */
export async function bindUdpLeg(offer: UdpLegOffer, options: UdpLegOptions): Promise<UdpLeg> {
  const leg = new UdpLeg(offer, options);
  const giveUp = (): void => leg.close();
  options.abandon?.addEventListener('abort', giveUp);
  try {
    options.abandon?.throwIfAborted();
    await leg.roam(options.timeout ?? limits.legBindTimeout);
    return leg;
  } catch (error) {
    leg.close();
    throw error;
  } finally {
    options.abandon?.removeEventListener('abort', giveUp);
  }
}

/**
 * A leg whose circuit is joined: datagrams in, datagrams out, any of which may be lost. It stays bound by itself: it binds
 * again when it was silent for long, and when it is not heard any more, because its NAT may have moved it.
 */
export class UdpLeg {
  readonly #offer: UdpLegOffer;
  readonly #name: string;
  readonly #token: Uint8Array;
  readonly #onDatagrams: (datagrams: Buffer[]) => void;
  readonly #openSocket: typeof openDatagramSocket;
  readonly #ticking: NodeJS.Timeout;
  #socket: UdpSocket | undefined;
  /** Of the last bind that was sent. */
  #counter = 0n;
  /** The highest counter that the relay answered, with "waiting" too, and with "joined". */
  #taken = 0n;
  #joined = 0n;
  #failure: NetportError | undefined;
  #wake: () => void = () => {};
  // In ticks, so that a datagram costs no look at the clock.
  #now = 0;
  #sentAt = 0;
  #heardAt = 0;

  /** Use `bindUdpLeg`. */
  constructor(offer: UdpLegOffer, { onDatagrams, openSocket = openDatagramSocket }: UdpLegOptions) {
    this.#offer = offer;
    this.#name = `leg to relay ${offer.relay}`;
    this.#token = fromBase64Url(offer.token);
    this.#onDatagrams = onDatagrams;
    this.#openSocket = openSocket;
    this.#ticking = setInterval(() => this.#stayBound(), tick);
  }

  /** Never waits: what the machine cannot send now is lost. 64 bytes that begin as a bind does never arrive. */
  send(bytes: Uint8Array): void {
    this.sendMany([bytes]);
  }

  /**
   * The first `count` of these, in as few system calls as the machine can; runs of equal size are the cheapest. Returns how
   * many it took: the rest may be sent again, or be lost. Their memory is free again on return.
   */
  sendMany(datagrams: readonly Uint8Array[], count: number = datagrams.length): number {
    this.#sentAt = this.#now;
    return this.#socket?.send(datagrams, count) ?? 0;
  }

  /** Resolves when the relay has confirmed where this leg is now. Rejects as `bindUdpLeg` does. */
  async rebind(timeout: number = limits.legBindTimeout): Promise<void> {
    const deadline = performance.now() + timeout;
    const first = this.#counter + 1n;
    for (
      let pause: number = limits.udpBindRetry;
      this.#joined < first;
      pause = Math.min(pause * 2, limits.udpBindRetryMax)
    ) {
      const left = deadline - performance.now();
      if (left <= 0) throw this.#inVain(first);
      this.#bind();
      await this.#answer(Math.min(pause, left));
      if (this.#failure) throw this.#failure;
    }
  }

  /** Goes on from another port of this machine, as after a change of networks. Rejects as `bindUdpLeg` does. */
  async roam(timeout: number = limits.legBindTimeout): Promise<void> {
    const socket = await this.#connect();
    if (this.#failure) {
      socket.close();
      throw this.#failure;
    }
    this.#socket?.close();
    this.#socket = socket;
    await this.rebind(timeout);
  }

  close(): void {
    clearInterval(this.#ticking);
    this.#fail(new NetportError('circuit_closed', `${this.#name}: closed by this portal`));
    this.#socket?.close();
    this.#socket = undefined;
  }

  async #connect(): Promise<UdpSocket> {
    const { host, port } = this.#offer;
    const unreachable = (cause: unknown): NetportError =>
      new NetportError('leg_rejected', systemError(cause, 'leg_rejected', this.#name).message, { cause });
    const { address } = await lookup(host).catch((cause) => Promise.reject(unreachable(cause)));
    return this.#openSocket({
      address,
      port,
      onDatagrams: (datagrams) => this.#onReceived(datagrams),
      onError: (cause) => {
        // Later, a port that is closed for a moment is a loss like any other.
        if (this.#joined === 0n) this.#fail(unreachable(cause));
      },
      receiveBufferBytes: limits.udpReceiveBufferBytes,
      sendBufferBytes: limits.udpReceiveBufferBytes,
    }).catch((cause) => Promise.reject(unreachable(cause)));
  }

  #bind(): void {
    const { circuitId } = this.#offer;
    const body = encodeBindBody({ kind: 'bind', circuitId, counter: ++this.#counter });
    this.send(withMac(body, this.#hmac(body)));
  }

  #onReceived(datagrams: Buffer[]): void {
    const payload: Buffer[] = [];
    for (const bytes of datagrams) {
      if (isBind(bytes)) this.#onAnswer(bytes);
      else if (this.#joined > 0n) payload.push(bytes);
    }
    if (payload.length === 0) return;
    this.#heardAt = this.#now;
    this.#onDatagrams(payload);
  }

  #onAnswer(bytes: Buffer): void {
    const answer = parse(bytes);
    if (!answer || answer.kind === 'bind' || answer.circuitId !== this.#offer.circuitId) return;
    if (answer.counter > this.#counter || !timingSafeEqual(answer.mac, this.#hmac(answer.body))) return;
    this.#heardAt = this.#now;
    if (answer.counter > this.#taken) this.#taken = answer.counter;
    if (answer.kind === 'waiting' || answer.counter <= this.#joined) return;
    this.#joined = answer.counter;
    this.#wake();
  }

  #stayBound(): void {
    this.#now++;
    if (this.#joined === 0n) return;
    const silent = this.#now - this.#sentAt >= limits.udpLegKeepAlive / tick;
    const unheard = this.#sentAt > this.#heardAt && this.#now - this.#heardAt >= limits.udpLegUnheard / tick;
    if (silent || unheard) this.#bind();
  }

  /** Resolves at the next "joined", at a failure, or after `ms`. */
  #answer(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #fail(failure: NetportError): void {
    this.#failure ??= failure;
    this.#wake();
  }

  #inVain(first: bigint): NetportError {
    const { host, port } = this.#offer;
    return this.#taken >= first
      ? new NetportError('circuit_expired', `${this.#name}: the other portal did not bind its leg in time`)
      : new NetportError('leg_rejected', `${this.#name}: UDP ${host}:${port} does not answer`);
  }

  #hmac(body: Uint8Array): Buffer {
    return createHmac('sha256', this.#token).update(body).digest();
  }
}

function parse(bytes: Buffer): Bind | undefined {
  try {
    return decodeBind(bytes);
  } catch {
    return undefined;
  }
}
