export interface RaceOptions<T> {
  /** Milliseconds that each attempt has before the next one starts beside it. */
  headStart: number;
  /** After such an error no other attempt can do better. */
  isFinal(error: unknown): boolean;
  /** Takes what came up too late. */
  discard(late: T): void;
  /** Takes over an attempt that was preferred to the one that won, and may come up yet. Without it, such a one has to give up, too. */
  overtaken?(attempt: Promise<T>, abandon: AbortController): void;
}

interface Runner<T> {
  attempt: Promise<T>;
  abandon: AbortController;
  failed: boolean;
}

/**
 * Happy Eyeballs (RFC 8305 §5): attempts in order of preference, each started when the ones before it have failed or have
 * had their head start. The first that succeeds wins, the others are told to give up or, if they come before it, handed over.
 * Rejects when all have failed, with the error of the last.
 */
export function race<T>(
  attempts: readonly ((abandon: AbortSignal) => Promise<T>)[],
  { headStart, isFinal, discard, overtaken }: RaceOptions<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const runners: Runner<T>[] = [];
    let over = false;
    let timer: NodeJS.Timeout | undefined;

    const end = (): void => {
      over = true;
      clearTimeout(timer);
    };
    const win = (winner: Runner<T>, value: T): void => {
      if (over) return;
      end();
      const place = runners.indexOf(winner);
      runners.forEach(({ attempt, abandon, failed }, at) => {
        if (at === place || failed) return;
        if (at < place && overtaken) {
          overtaken(attempt, abandon);
        } else {
          abandon.abort();
          attempt.then(discard, () => {});
        }
      });
      resolve(value);
    };
    const lose = (loser: Runner<T>, error: unknown): void => {
      loser.failed = true;
      if (over) return;
      clearTimeout(timer);
      if (!isFinal(error) && runners.length < attempts.length) {
        startNext();
      } else if (runners.every(({ failed }) => failed)) {
        end();
        reject(error);
      }
    };
    const startNext = (): void => {
      clearTimeout(timer);
      const start = attempts[runners.length];
      if (!start) return;
      const abandon = new AbortController();
      const runner = { attempt: start(abandon.signal), abandon, failed: false };
      runners.push(runner);
      // After this process has stood still, its timers are due before it has read what arrived meanwhile.
      const next = (): void => {
        if (!over && runners.at(-1) === runner) startNext();
      };
      timer = setTimeout(() => setImmediate(next), headStart);
      runner.attempt.then(
        (value) => win(runner, value),
        (error) => lose(runner, error),
      );
    };
    startNext();
  });
}
