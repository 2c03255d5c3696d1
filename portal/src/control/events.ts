import { limits, type PortalEvent } from '@netport/protocol';

/** Audit events on their way to the control server. Bounded: in a long outage the oldest are dropped, and counted. */
export class EventQueue {
  readonly #send: (event: PortalEvent) => boolean;
  readonly #waiting: PortalEvent[] = [];
  dropped = 0;

  /** `send` is false when there is no session. */
  constructor(send: (event: PortalEvent) => boolean) {
    this.#send = send;
  }

  push(event: PortalEvent): void {
    this.#waiting.push(event);
    if (this.#waiting.length > limits.eventQueue) {
      this.#waiting.shift();
      this.dropped += 1;
    }
    this.flush();
  }

  /** Sends what waits, oldest first, for as long as the session takes it. */
  flush(): void {
    for (let next = this.#waiting[0]; next && this.#send(next); next = this.#waiting[0]) this.#waiting.shift();
  }
}
