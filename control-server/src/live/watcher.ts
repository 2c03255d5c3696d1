import type { ServerResponse } from 'node:http';
import { type LiveEvent, limits } from '@netport/protocol';

/** An event in the format of text/event-stream. */
export const frameOf = ({ event, data }: LiveEvent): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

const heartbeat = ':\n\n';

/** One event stream. While its socket is full it is sent nothing: what it cannot read is lost, never kept. */
export class Watcher {
  readonly #response: ServerResponse;
  #unreadSince: number | undefined;
  #missed = false;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.on('drain', () => {
      this.#unreadSince = undefined;
    });
  }

  /** True once after events were lost: it has to be told everything anew. */
  caughtUp(): boolean {
    if (!this.#missed || this.#unreadSince !== undefined) return false;
    this.#missed = false;
    return true;
  }

  send(frame: string, now: number): void {
    if (this.#unreadSince === undefined) this.#write(frame, now);
    else this.#missed = true;
  }

  /** Shows proxies that the stream lives; ends it where nobody has read for long. */
  beat(now: number): void {
    if (this.#unreadSince === undefined) this.#write(heartbeat, now);
    else if (now - this.#unreadSince >= limits.liveUnread) this.#response.destroy();
  }

  end(): void {
    this.#response.end();
  }

  #write(frame: string, now: number): void {
    // It may have ended, or gone, a moment ago.
    if (this.#response.writableEnded || this.#response.destroyed) return;
    if (!this.#response.write(frame)) this.#unreadSince = now;
  }
}
