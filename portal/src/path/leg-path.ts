import { limits } from '@netport/protocol';
import type { DatagramPath } from '../tunnel/quic/path.js';
import { bindUdpLeg, type UdpLeg, type UdpLegOffer, type UdpLegOptions } from './udp-leg.js';

/** The first flight of a handshake, and what a relay may make of it. */
const mostEarly = 16;

/** Binds a UDP leg, and makes it a path. Rejects as `bindUdpLeg` does. */
export async function bindLegPath(offer: UdpLegOffer, timeout: number, abandon?: AbortSignal): Promise<LegPath> {
  const path = new LegPath();
  await path.moveTo(offer, { timeout, ...(abandon && { abandon }) });
  return path;
}

/** A path over one leg at a time: what runs over it does not notice when another takes its place. */
export class LegPath implements DatagramPath {
  /** The leg's relay has gone. Again for as long as that is so, and nothing has taken its place. */
  onLost: () => void = () => {};
  readonly #early: Uint8Array[] = [];
  readonly #legs = new Set<UdpLeg>();
  #leg: UdpLeg | undefined;
  #listener: ((datagrams: Uint8Array[]) => void) | undefined;
  #closed = false;

  set onDatagrams(next: (datagrams: Uint8Array[]) => void) {
    this.#listener = next;
    if (this.#early.length > 0) next(this.#early.splice(0));
  }

  get silent(): boolean {
    return this.#leg?.silent ?? false;
  }

  sendMany(datagrams: readonly Uint8Array[], count: number): number {
    return this.#leg?.sendMany(datagrams, count) ?? 0;
  }

  /** Binds another leg, and goes on over that one. Rejects as `bindUdpLeg` does, and stays where it is. */
  async moveTo(offer: UdpLegOffer, options: Pick<UdpLegOptions, 'timeout' | 'abandon'>): Promise<void> {
    const leg: UdpLeg = await bindUdpLeg(offer, {
      ...options,
      onDatagrams: (datagrams) => this.#receive(datagrams),
      onLost: () => {
        if (leg === this.#leg) this.onLost();
      },
    });
    const old = this.#leg;
    this.#leg = leg;
    this.#legs.add(leg);
    if (this.#closed) this.close();
    // What the peer sent before it moved is still to come.
    else if (old) setTimeout(() => this.#drop(old), limits.udpLegLinger).unref();
  }

  /** This machine's addresses have changed. */
  follow(): void {
    void this.#leg?.follow();
  }

  close(): void {
    this.#closed = true;
    for (const leg of this.#legs) this.#drop(leg);
  }

  #drop(leg: UdpLeg): void {
    leg.close();
    this.#legs.delete(leg);
  }

  #receive(datagrams: Buffer[]): void {
    if (this.#closed) return;
    if (this.#listener) this.#listener(datagrams);
    // The peer may have heard of the join first.
    else
      for (const datagram of datagrams.slice(0, mostEarly - this.#early.length))
        this.#early.push(Uint8Array.from(datagram));
  }
}
