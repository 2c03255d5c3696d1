import { expect, it } from 'vitest';
import { socketPair } from '../testing/sockets.js';
import { type RaceOptions, race } from './race.js';

/** An attempt that is settled by hand. */
class Attempt {
  signal: AbortSignal | undefined;
  succeed: (value: string) => void = () => {};
  fail: (error: Error) => void = () => {};

  readonly start = (signal: AbortSignal): Promise<string> => {
    this.signal = signal;
    return new Promise((resolve, reject) => {
      this.succeed = resolve;
      this.fail = reject;
    });
  };
}

function raceOf(headStart: number, options: Partial<RaceOptions<string>> = {}) {
  const first = new Attempt();
  const second = new Attempt();
  const isFinal = (error: unknown): boolean => (error as Error).message === 'final';
  const won = race([first.start, second.start], { headStart, isFinal, discard: () => {}, ...options });
  return { first, second, won };
}
const never = 2 ** 31 - 1;

it('the first wins alone when it is up within its head start', async () => {
  const { first, second, won } = raceOf(never);
  first.succeed('quic');
  expect(await won).toBe('quic');
  expect(second.signal).toBeUndefined();
});

it('the second starts after the head start; who loses is told, and discarded when it comes late', async () => {
  const late: string[] = [];
  const { first, second, won } = raceOf(1, { discard: (value) => void late.push(value) });
  await expect.poll(() => second.signal).toBeDefined();
  second.succeed('tcp');
  expect(await won).toBe('tcp');
  expect([first.signal?.aborted, second.signal?.aborted]).toEqual([true, false]);
  first.succeed('quic');
  await expect.poll(() => late).toEqual(['quic']);
});

it('a first that was overtaken is handed over instead, and goes on', async () => {
  const late: [Promise<string>, AbortController][] = [];
  const { first, second, won } = raceOf(1, { overtaken: (...attempt) => void late.push(attempt) });
  await expect.poll(() => second.signal).toBeDefined();
  second.succeed('tcp');
  expect(await won).toBe('tcp');
  expect(first.signal?.aborted).toBe(false);
  first.succeed('quic');
  const [[attempt, abandon] = []] = late;
  expect(await attempt).toBe('quic');
  abandon?.abort();
  expect([first.signal?.aborted, second.signal?.aborted]).toEqual([true, false]);
});

it('one that had failed is not handed over, and one that was preferred is not kept waiting by a later one', async () => {
  const late: unknown[] = [];
  const overtaken = (attempt: Promise<string>): void => void late.push(attempt);
  const failed = raceOf(1, { overtaken });
  failed.first.fail(new Error('no way'));
  await expect.poll(() => failed.second.signal).toBeDefined();
  failed.second.succeed('tcp');
  expect(await failed.won).toBe('tcp');
  const preferred = raceOf(1, { overtaken });
  await expect.poll(() => preferred.second.signal).toBeDefined();
  preferred.first.succeed('quic');
  expect(await preferred.won).toBe('quic');
  expect(preferred.second.signal?.aborted).toBe(true);
  expect(late).toEqual([]);
});

it('the second starts at once when the first fails', async () => {
  const { first, second, won } = raceOf(never);
  first.fail(new Error('no way'));
  await expect.poll(() => second.signal).toBeDefined();
  second.succeed('tcp');
  expect(await won).toBe('tcp');
});

it('what has arrived in time is in time, though this process stood still until afterwards', async () => {
  const [near, far] = await socketPair();
  const { first, second, won } = raceOf(20);
  near.once('data', (data) => first.succeed(String(data)));
  far.write('quic');
  const until = performance.now() + 100;
  while (performance.now() < until);
  expect(await won).toBe('quic');
  expect(second.signal).toBeUndefined();
  for (const socket of [near, far]) socket.destroy();
});

it('a first that is late may still win', async () => {
  const { first, second, won } = raceOf(1);
  await expect.poll(() => second.signal).toBeDefined();
  second.fail(new Error('final'));
  first.succeed('quic');
  expect(await won).toBe('quic');
});

it('rejects with the last error, and starts nothing after a final one', async () => {
  const both = raceOf(never);
  both.first.fail(new Error('first'));
  await expect.poll(() => both.second.signal).toBeDefined();
  both.second.fail(new Error('second'));
  await expect(both.won).rejects.toThrow('second');
  const final = raceOf(never);
  final.first.fail(new Error('final'));
  await expect(final.won).rejects.toThrow('final');
  expect(final.second.signal).toBeUndefined();
});
