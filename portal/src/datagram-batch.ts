/** In one system call: few enough that a reader with the buffer that systems give it (Linux: 208 KiB) gets on meanwhile. */
const most = 64;

/** Has datagrams that are sent one by one in one turn leave together. */
export class DatagramBatch {
  readonly #send: (datagrams: readonly Uint8Array[]) => void;
  #waiting: Buffer[] = [];

  constructor(send: (datagrams: readonly Uint8Array[]) => void) {
    this.#send = send;
  }

  /** Copies it. */
  push(datagram: Uint8Array): void {
    const count = this.#waiting.push(Buffer.from(datagram));
    if (count === 1) queueMicrotask(() => this.#flush());
    else if (count === most) this.#flush();
  }

  #flush(): void {
    if (this.#waiting.length === 0) return;
    const batch = this.#waiting;
    this.#waiting = [];
    this.#send(batch);
  }
}
