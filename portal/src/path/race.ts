export interface RaceOptions<T> {
  /** Milliseconds that each attempt has before the next one starts beside it. */
  headStart: number;
  /** After such an error no other attempt can do better. */
  isFinal(error: unknown): boolean;
  /** Takes what came up too late. */
  discard(late: T): void;
}

/**
 * Happy Eyeballs (RFC 8305 §5): attempts in order of preference, each started when the ones before it have failed or have
 * had their head start. The first that succeeds wins, the others are told to give up. Rejects when all have failed, with
 * the error of the last.
 */
export function race<T>(
  attempts: readonly ((abandon: AbortSignal) => Promise<T>)[],
  { headStart, isFinal, discard }: RaceOptions<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const started: AbortController[] = [];
    let failed = 0;
    let over = false;
    let timer: NodeJS.Timeout | undefined;

    const end = (): void => {
      over = true;
      clearTimeout(timer);
    };
    const win = (mine: AbortController, value: T): void => {
      if (over) {
        discard(value);
        return;
      }
      end();
      for (const other of started) if (other !== mine) other.abort();
      resolve(value);
    };
    const lose = (error: unknown): void => {
      failed++;
      if (over) return;
      clearTimeout(timer);
      if (!isFinal(error) && started.length < attempts.length) {
        startNext();
      } else if (failed === started.length) {
        end();
        reject(error);
      }
    };
    const startNext = (): void => {
      clearTimeout(timer);
      const attempt = attempts[started.length];
      if (!attempt) return;
      const mine = new AbortController();
      started.push(mine);
      timer = setTimeout(startNext, headStart);
      attempt(mine.signal).then((value) => win(mine, value), lose);
    };
    startNext();
  });
}
