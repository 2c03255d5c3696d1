import { randomBytes, randomUUID } from 'node:crypto';
import type { Server, Socket } from 'node:net';
import { circuitIdSchema, type Name } from '@netport/protocol';
import { afterEach, expect, it } from 'vitest';
import { looseRelay } from '../testing/sockets.js';
import { bindLeg } from './leg.js';

const opened: (Server | Socket)[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) 'destroy' in one ? one.destroy() : one.close();
});

async function relay(): Promise<Awaited<ReturnType<typeof looseRelay>>> {
  const made = await looseRelay();
  opened.push(made.server);
  return made;
}
/** A port that nothing listens on. */
async function closedPort(): Promise<number> {
  const { server, port } = await looseRelay();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
const legOn = (port: number, legPort?: number) => ({
  circuitId: circuitIdSchema.parse(randomUUID()),
  token: randomBytes(32).toString('base64url'),
  relay: 'r1' as Name,
  host: '127.0.0.1',
  port,
  ...(legPort !== undefined && { legPort }),
});

it('binds on the port for all legs where its own does not answer', async () => {
  const { port: legPort, legs } = await relay();
  const closed = await closedPort();
  const sockets = await Promise.all([bindLeg(legOn(closed, legPort)), bindLeg(legOn(closed, legPort))]);
  opened.push(...sockets);
  expect(sockets.map(({ remotePort }) => remotePort)).toEqual([legPort, legPort]);
  expect(legs.length).toBe(2);
});

it('leaves that port alone where its own answers', async () => {
  const [own, all] = [await relay(), await relay()];
  const leg = legOn(own.port, all.port);
  const sockets = await Promise.all([bindLeg(leg), bindLeg(leg)]);
  opened.push(...sockets);
  expect(sockets.map(({ remotePort }) => remotePort)).toEqual([own.port, own.port]);
  // On a machine that stands still for its head start it is dialled, too; but no token is shown there.
  expect(all.legs.map(({ bytesRead }) => bytesRead).filter(Boolean)).toEqual([]);
});

it('fails when neither answers, and when it is given up', async () => {
  const [one, two] = [await closedPort(), await closedPort()];
  await expect(bindLeg(legOn(one, two))).rejects.toMatchObject({ code: 'leg_rejected' });
  await expect(bindLeg(legOn(one, two), { abandon: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'leg_rejected',
  });
});
