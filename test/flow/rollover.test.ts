import { setTimeout as pause } from 'node:timers/promises';
import type { AuthorityView, RolloverStep } from '@netport/protocol';
import { queryStatus } from '@netport/runtime';
import { afterEach, expect, it } from 'vitest';
import { dial, exchange, freePort, type Member, Overlay, startEcho, type Target, waitFor } from '../harness/index.js';

let overlay: Overlay;
let echo: Target;
afterEach(async () => {
  await overlay?.stop();
  await echo?.close();
});

interface Status {
  control: { online: boolean };
  tunnels: { circuitId: string }[];
}

const statusOf = async ({ directory }: Member): Promise<Status> => (await queryStatus(directory)) as Status;
const show = (): Promise<AuthorityView> => overlay.api('GET', '/authority');
const take = (step: RolloverStep, force = false): Promise<AuthorityView> =>
  overlay.api('POST', '/authority/rollover', { step, force });
const everybody = (states: string[], except: readonly string[] = []): Promise<unknown> =>
  waitFor(`everybody to be ${states}`, async () =>
    (await show()).members.every(({ name, state }) => except.includes(name) || states.includes(state)),
  );

/** Connections without a pause over every pair, and one on each that stays open throughout. Counts what went through. */
async function startTraffic(ports: readonly number[]) {
  const counts = ports.map(() => 0);
  let over = false;
  const running = ports.map(async (port, pair) => {
    const standing = await dial(port);
    const echoed = standing.setEncoding('latin1').toArray() as Promise<string[]>;
    echoed.catch(() => {});
    let said = '';
    while (!over) {
      const text = `${pair}: ${counts[pair]}\n`;
      const socket = await dial(port);
      expect(await exchange(socket, text)).toBe(text);
      socket.destroy();
      standing.write(text);
      said += text;
      counts[pair] = (counts[pair] ?? 0) + 1;
      await pause(20);
    }
    standing.end();
    expect((await echoed).join('')).toBe(said);
  });
  const ended = Promise.all(running);
  ended.catch(() => {});
  return {
    /** Resolves when every pair has carried more. Rejects with whatever has failed. */
    more: async () => {
      const before = [...counts];
      const grown = (): boolean => counts.every((count, pair) => count > (before[pair] ?? 0) + 5);
      await Promise.race([ended, waitFor('every pair to carry more', grown)]);
    },
    finish: async () => {
      over = true;
      await ended;
    },
  };
}

it('a root CA is replaced under the traffic of five portals, and no connection fails', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'] as const;
  overlay = await Overlay.start({ portals: [] });
  for (const [index, name] of names.entries()) {
    await overlay.addPortal(name, ['--transport', index % 2 === 0 ? 'tcp' : 'auto']);
  }
  const late = await overlay.addPortal('late');
  echo = await startEcho();
  const ports = await Promise.all(names.map(() => freePort()));
  for (const [index, name] of names.entries()) {
    const next = names[(index + 1) % names.length];
    await overlay.addPair(`to-${next}`, `${name}:127.0.0.1:${ports[index]}`, `${next}:127.0.0.1:${echo.port}`);
  }
  await everybody(['new']);
  const traffic = await startTraffic(ports);
  await traffic.more();
  // Away while the new root is told, and back when it is in use.
  await late.process.stop('SIGTERM');

  await take('publish');
  await everybody(['both'], ['late']);
  await traffic.more();
  await expect(take('reissue')).rejects.toThrow(/conflict.*portal late/);
  await take('reissue', true);
  await everybody(['new'], ['late']);
  await traffic.more();
  await late.start();
  await everybody(['new']);
  // The tunnels of before stay up until the old root is gone; then new streams take new tunnels.
  const tunnels = async (): Promise<string[]> =>
    (await Promise.all(names.map((name) => statusOf(overlay.portal(name))))).flatMap((status) =>
      status.tunnels.map(({ circuitId }) => circuitId),
    );
  const before = await tunnels();
  expect(await take('retire')).toMatchObject({ phase: 'stable', waitingFor: [], roots: [{ state: 'current' }] });
  await traffic.more();
  await waitFor('every pair to have another tunnel', async () => {
    const now = new Set(await tunnels());
    for (const circuit of before) now.delete(circuit);
    return now.size >= names.length;
  });
  await traffic.more();
  await traffic.finish();

  // What is on disk is of the new root alone: everything starts again with it.
  await overlay.control.stop('SIGTERM');
  await overlay.restartControl();
  const a = overlay.portal('a');
  await a.process.stop('SIGTERM');
  await a.start();
  await waitFor('everybody to be online', async () => (await show()).members.every(({ online }) => online), 60_000);
  const [port = 0] = ports;
  const socket = await dial(port);
  expect(await exchange(socket, 'under the new root')).toBe('under the new root');
  socket.destroy();
}, 240_000);
