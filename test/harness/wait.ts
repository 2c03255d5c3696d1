import { createServer } from 'node:net';

/**
 * Waits until `check` gives something other than undefined or false, or throws with what it was waiting for. What is waited for
 * mostly takes milliseconds, a process a second or two: the time is for a machine that stands still meanwhile.
 */
export async function waitFor<T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 45_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * Ports for listeners of tests: below those that the system gives to connections (Linux: from 32768 on) and those of relays,
 * so that nobody takes one between here and its use. Vitest's workers take turns.
 */
const ports = { first: 10_000, count: 9000, step: 2 };
let nextPort = (process.pid * 100 * ports.step) % ports.count;

/** A port that passes, and that no test of this run has had for long. */
export async function nextFreePort(isFree: (port: number) => Promise<boolean>): Promise<number> {
  const turn = Number(process.env.VITEST_POOL_ID ?? 0) % ports.step;
  for (;;) {
    const port = ports.first + nextPort + turn;
    nextPort = (nextPort + ports.step) % ports.count;
    if (await isFree(port)) return port;
  }
}

/** A TCP port of the loopback interface that nobody uses at this moment. */
export const freePort = (): Promise<number> =>
  nextFreePort(
    (port) =>
      new Promise((resolve) => {
        const server = createServer();
        server.once('error', () => resolve(false));
        server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
      }),
  );

export interface Deferred<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: unknown) => void;
}

/** A promise that something else settles (Promise.withResolvers, which Node 20 lacks). */
export function deferred<T>(): Deferred<T> {
  let parts: Omit<Deferred<T>, 'promise'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    parts = { resolve, reject };
  });
  if (!parts) throw new Error('unreachable: executors run at once');
  return { promise, ...parts };
}
