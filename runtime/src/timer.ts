/** Timers longer than this are split: setTimeout ends at 24 days, and a clock that was set is noticed. */
const step = 60 * 60 * 1000;

/** Calls `action` once it is `at`, by the clock. Answers the function that cancels. Keeps no process alive. */
export function scheduleAt(at: Date, now: () => Date, action: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const left = at.getTime() - now().getTime();
    timer = left <= 0 ? setTimeout(action, 0) : setTimeout(wait, Math.min(left, step));
    timer.unref();
  };
  wait();
  return () => clearTimeout(timer);
}
