import { limits, type StreamBatch, type StreamReport } from '@netport/protocol';

type Batch = Pick<StreamBatch, 'batch' | 'dropped' | 'reports'>;

/**
 * Reports of streams on their way to the audit trail. A batch stays until the control server says that it is kept, and is
 * sent again in the next session. Bounded: in a long outage what comes last is dropped, counted, and told with the next batch.
 */
export class StreamQueue {
  readonly #send: (batch: StreamBatch) => boolean;
  #waiting: StreamReport[] = [];
  /** Sent, or to be sent again: those of the session that stands come last. */
  readonly #unkept = new Map<number, Batch>();
  #reports = 0;
  #lost = 0;
  #next = 1;
  #timer: NodeJS.Timeout | undefined;
  /** Since the start. */
  dropped = 0;

  /** `send` is false when there is no session. */
  constructor(send: (batch: StreamBatch) => boolean) {
    this.#send = send;
  }

  /** What is not in the audit trail yet. */
  get size(): number {
    return this.#reports;
  }

  push(report: StreamReport): void {
    if (this.#reports >= limits.streamReports) {
      this.dropped += 1;
      this.#lost += 1;
      return;
    }
    this.#reports += 1;
    this.#waiting.push(report);
    if (this.#waiting.length >= limits.streamReportsPerBatch) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), limits.streamReportDelay).unref();
  }

  /** A session is up: everything that is not kept goes again, then what waited. */
  resume(): void {
    for (const batch of this.#unkept.values()) this.#send({ type: 'streams', ...batch });
    this.#flush();
  }

  kept(batch: number): void {
    const done = this.#unkept.get(batch);
    if (!done) return;
    this.#unkept.delete(batch);
    this.#reports -= done.reports.length;
    this.#flush();
  }

  /** Sends all at once: there will be no later. */
  finish(): void {
    this.#flush(Number.POSITIVE_INFINITY);
  }

  #flush(inFlight: number = limits.streamBatchesInFlight): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#waiting.length > 0 && this.#unkept.size < inFlight) {
      const reports = this.#waiting.slice(0, limits.streamReportsPerBatch);
      const batch: Batch = { batch: this.#next, dropped: this.#lost, reports };
      if (!this.#send({ type: 'streams', ...batch })) return;
      this.#waiting = this.#waiting.slice(reports.length);
      this.#unkept.set(this.#next, batch);
      this.#next += 1;
      this.#lost = 0;
    }
  }
}
