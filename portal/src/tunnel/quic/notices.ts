import { NetportError } from '@netport/protocol';
import type { QuicDriver } from './driver.js';

/**
 * What the two sides say about the tunnel itself: four bytes each, on the one unidirectional stream that each of them may open.
 *
 *     NPQ1   accepted: the first, once the sender believes the other's certificate
 *     NPQD   draining: the sender takes no more streams, and closes when the last has ended
 */
const texts = { accepted: 'NPQ1', draining: 'NPQD' } as const;
export type Notice = keyof typeof texts;
const noticeBytes = 4;
/** That one side may ever say: two today. */
const mostNotices = 16;

/** The first unidirectional stream of each side (RFC 9000 §2.1). */
const streams = { client: 2, server: 3 } as const;

export class Notices {
  readonly #driver: QuicDriver;
  readonly #own: number;
  readonly #theirs: number;
  #unsent = Buffer.alloc(0);
  #unread = Buffer.alloc(0);
  #received = 0;

  constructor(driver: QuicDriver, role: 'client' | 'server') {
    this.#driver = driver;
    this.#own = streams[role];
    this.#theirs = streams[role === 'client' ? 'server' : 'client'];
  }

  send(notice: Notice): void {
    this.#unsent = Buffer.concat([this.#unsent, Buffer.from(texts[notice])]);
    this.#driver.wake();
  }

  /** In each turn, as there may be room now. */
  flush(): void {
    if (this.#unsent.length === 0) return;
    const sent = this.#driver.quic.streamSend(this.#own, this.#unsent, false) ?? 0;
    this.#unsent = this.#unsent.subarray(sent);
  }

  isTheirs(id: number): boolean {
    return id === this.#theirs;
  }

  /**
   * What has come. A notice of a newer version means nothing here. Throws, as `flush` does, when the peer breaks one of the two
   * streams off, or does not stop talking.
   */
  receive(): Notice[] {
    const notices: Notice[] = [];
    const piece = Buffer.alloc(noticeBytes);
    for (;;) {
      const got = this.#driver.quic.streamRecv(this.#theirs, piece.subarray(this.#unread.length));
      if (!got || got[0] === 0) return notices;
      const read = Buffer.concat([this.#unread, piece.subarray(this.#unread.length, this.#unread.length + got[0])]);
      this.#unread = read.length < noticeBytes ? read : Buffer.alloc(0);
      this.#received += got[0];
      if (this.#received > mostNotices * noticeBytes) throw new NetportError('protocol_error', 'too many notices');
      if (read.toString() === texts.accepted) notices.push('accepted');
      if (read.toString() === texts.draining) notices.push('draining');
    }
  }
}
