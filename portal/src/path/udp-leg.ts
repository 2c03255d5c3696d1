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
  /**
   * The standing leg hears nothing, and its relay answers no bind: the relay has gone, not the peer. Again after every
   * further search, for as long as it hears nothing.
   */
  onLost?: () => void;
  openSocket?: typeof openDatagramSocket;
}

/** How exactly keep-alives are timed. */
const tick = 500;
/** Errors of a socket whose machine has moved on: it has lost the address that the socket sends from, or the way. */
const movedOn: ReadonlySet<string | undefined> = new Set([
  'EADDRNOTAVAIL',
  'EHOSTUNREACH',
  'EINVAL',
  'ENETDOWN',
  'ENETUNREACH',
]);

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
 * again when it was silent for long, and when it is not heard any more, because its NAT may have moved it. It follows its
 * machine to other addresses, and tells when its relay has gone.
 */
export class UdpLeg {
  readonly #offer: UdpLegOffer;
  readonly #name: string;
  readonly #token: Uint8Array;
  readonly #onDatagrams: (datagrams: Buffer[]) => void;
  readonly #onLost: () => void;
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
  /** Where the relay is: found out once, because on another network names may not resolve yet. */
  #address: string | undefined;
  /** The search for the relay that is on. */
  #search: symbol | undefined;
  #silent = false;
  /** When this leg last looked for another address of this machine. */
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Whether something was sent since something was heard. */
  #unanswered = false;
  // In ticks, so that a datagram costs no look at the clock.
  #now = 0;
  #sentAt = 0;
  #heardAt = 0;

  /** Use `bindUdpLeg`. */
  constructor(offer: UdpLegOffer, { onDatagrams, onLost = () => {}, openSocket = openDatagramSocket }: UdpLegOptions) {
    this.#offer = offer;
    this.#name = `leg to relay ${offer.relay}`;
    this.#token = fromBase64Url(offer.token);
    this.#onDatagrams = onDatagrams;
    this.#onLost = onLost;
    this.#openSocket = openSocket;
    this.#ticking = setInterval(() => this.#stayBound(), tick);
  }

  /** Neither the other portal nor the relay was heard when it should have been, and neither has been since. */
  get silent(): boolean {
    return this.#silent;
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
    this.#unanswered = true;
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
    this.#moveTo(await this.#connect());
    if (this.#failure) throw this.#failure;
    await this.rebind(timeout);
  }

  /** This machine's addresses have changed: goes on from the one that it would now choose, if that is another. */
  async follow(): Promise<void> {
    if (this.#joined === 0n || performance.now() - this.#lookedAt < limits.udpBindRetry) return;
    this.#lookedAt = performance.now();
    const socket = await this.#connect().catch(() => undefined);
    // Without a way to the relay, the next datagram that fails asks again.
    if (!socket) return;
    if (socket.local.address === this.#socket?.local.address) socket.close();
    else {
      this.#moveTo(socket);
      void this.#searchRelay();
    }
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
    this.#address ??= (await lookup(host).catch((cause) => Promise.reject(unreachable(cause)))).address;
    return this.#openSocket({
      address: this.#address,
      port,
      onDatagrams: (datagrams) => this.#onReceived(datagrams),
      onError: (cause) => {
        // Later, a port that is closed for a moment is a loss like any other: unless the relay stays away.
        if (this.#joined === 0n) this.#fail(unreachable(cause));
        else if (cause.code === 'ECONNREFUSED') void this.#searchRelay();
        else if (movedOn.has(cause.code)) void this.follow();
      },
      receiveBufferBytes: limits.udpReceiveBufferBytes,
      sendBufferBytes: limits.udpReceiveBufferBytes,
    }).catch((cause) => Promise.reject(unreachable(cause)));
  }

  #moveTo(socket: UdpSocket): void {
    const [old, next] = this.#failure ? [socket, undefined] : [this.#socket, socket];
    old?.close();
    this.#socket = next;
  }

  #bind(): void {
    const { circuitId } = this.#offer;
    const body = encodeBindBody({ kind: 'bind', circuitId, counter: ++this.#counter });
    this.#sentAt = this.#now;
    this.#socket?.send([withMac(body, this.#hmac(body))]);
  }

  #onReceived(datagrams: Buffer[]): void {
    const payload: Buffer[] = [];
    for (const bytes of datagrams) {
      if (isBind(bytes)) this.#onAnswer(bytes);
      else if (this.#joined > 0n) payload.push(bytes);
    }
    if (payload.length === 0) return;
    this.#hear();
    this.#onDatagrams(payload);
  }

  #onAnswer(bytes: Buffer): void {
    const answer = parse(bytes);
    if (!answer || answer.kind === 'bind' || answer.circuitId !== this.#offer.circuitId) return;
    if (answer.counter > this.#counter || !timingSafeEqual(answer.mac, this.#hmac(answer.body))) return;
    this.#hear();
    if (answer.counter > this.#taken) this.#taken = answer.counter;
    if (answer.kind === 'waiting' || answer.counter <= this.#joined) return;
    this.#joined = answer.counter;
    this.#wake();
  }

  #stayBound(): void {
    this.#now++;
    if (this.#joined === 0n) return;
    const silent = this.#now - this.#sentAt >= limits.udpLegKeepAlive / tick;
    const unheard = this.#unanswered && this.#now - this.#heardAt >= limits.udpLegUnheard / tick;
    if (unheard) void this.#searchRelay();
    else if (silent) this.#bind();
  }

  #hear(): void {
    this.#heardAt = this.#now;
    this.#unanswered = false;
    this.#search = undefined;
    this.#silent = false;
  }

  /** Binds until anything is heard. */
  async #searchRelay(): Promise<void> {
    if (this.#search) return;
    const search = Symbol();
    this.#search = search;
    this.#silent = true;
    for (let i = 0, pause: number = limits.udpBindRetry; i < limits.udpBindsUnanswered; i++, pause *= 2) {
      this.#bind();
      await this.#answer(pause);
      if (this.#search !== search || this.#failure) return;
    }
    this.#search = undefined;
    this.#onLost();
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
