import { signal } from '@preact/signals';

/** What relative times count from; the page never shows more than minutes of a time that is long ago. */
export const now = signal(Date.now());

const tick = 5000;

/** Lets relative times grow, until the function that is returned is called. */
export function runClock(): () => void {
  const timer = setInterval(() => {
    now.value = Date.now();
  }, tick);
  return () => clearInterval(timer);
}
