import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { unavailable } from './index.js';
import { openPair, until } from './testing/pair.mjs';

const run = promisify(execFile);
const program = (name: string) => fileURLToPath(new URL(`testing/${name}.mjs`, import.meta.url));

const works = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
/** Why what needs a network of its own cannot run here, or undefined. */
const noNetwork = (() => {
  if (unavailable) return unavailable;
  if (!works('unshare', '--net', 'true')) return 'no network namespaces: needs root and util-linux';
  if (!works('tc', '-V')) return 'no tc: install iproute2';
  return undefined;
})();
const titled = (name: string, reason: string | undefined) => (reason ? `${name} (skipped: ${reason})` : name);

it.skipIf(unavailable)(titled('gives on at once what came at once', unavailable), async () => {
  const looks: number[][] = [];
  const [one, other] = await openPair(
    { onDatagrams: () => {} },
    { onDatagrams: (datagrams: Buffer[]) => looks.push(datagrams.map(({ length }) => length)) },
  );
  const sizes = [...Array<number>(40).fill(1200), 700];
  one.send(sizes.map((size) => new Uint8Array(size)));
  await until(() => looks.length > 0);
  expect(looks).toEqual([sizes]);
  one.close();
  other.close();
});

it.skipIf(unavailable)(titled('lets the event loop on after some hundred datagrams', unavailable), async () => {
  const looks: number[] = [];
  const [one, other] = await openPair(
    { onDatagrams: () => {} },
    { onDatagrams: (datagrams: Buffer[]) => looks.push(datagrams.length), receiveBufferBytes: 4 * 1024 * 1024 },
  );
  const count = 1500;
  one.send(Array.from({ length: count }, () => new Uint8Array(10)));
  await until(() => looks.reduce((sum, look) => sum + look, 0) === count);
  for (const look of looks) expect(look).toBeLessThanOrEqual(256);
  one.close();
  other.close();
});

it.skipIf(unavailable)(titled('stands sizes, arrays, callbacks and threads of all kinds', unavailable), async () => {
  const { stdout } = await run(process.execPath, ['--expose-gc', program('abuse')]);
  expect(stdout.trim().split('\n')).toEqual([
    'sizes',
    'arrays',
    'callbacks',
    'descriptors',
    'servers',
    'threads',
    'exit',
  ]);
});

const inNetwork = async (what: string) =>
  JSON.parse((await run('unshare', ['--net', process.execPath, program('network'), what])).stdout);

it.skipIf(noNetwork)(titled('sends one by one what a narrow path does not take in runs', noNetwork), async () => {
  const { sizes, v4, v6 } = await inNetwork('narrow');
  const carried = { taken: sizes.length, again: sizes.length, received: [...sizes, ...sizes], errors: [] };
  expect({ v4, v6 }).toEqual({ v4: carried, v6: carried });
});

it.skipIf(noNetwork)(titled('takes no more than the send buffer holds, and more again later', noNetwork), async () => {
  const { first, second, third } = await inNetwork('full');
  expect(first).toBeGreaterThan(0);
  expect(first + second).toBeLessThan(1000);
  expect(third).toBe(5);
});
