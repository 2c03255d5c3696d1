import type { Socket } from 'node:net';
import type { StreamView, TunnelView } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dial, exchange, freePort, Overlay, startEcho, type Target } from '../harness/index.js';

describe('access pairs between the same portals that prefer different transports', () => {
  let overlay: Overlay;
  let target: Target;
  const sockets: Socket[] = [];
  beforeAll(async () => {
    overlay = await Overlay.start();
    target = await startEcho();
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await overlay?.stop();
    await target?.close();
  });

  const connect = async (port: number, text: string): Promise<Socket> => {
    const socket = await dial(port);
    sockets.push(socket);
    expect(await exchange(socket, text)).toBe(text);
    return socket;
  };
  const addPair = async (name: string, options: string[] = [], from = 'a'): Promise<number> => {
    const port = await freePort();
    await overlay.addPair(name, `${from}:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`, options);
    return port;
  };
  const transportOf = async (): Promise<Record<string, string>> => {
    const streams = await overlay.cli<StreamView[]>(['ls', 'streams']);
    return Object.fromEntries(streams.map(({ pair, transport }) => [pair, transport]));
  };
  const tunnels = async (): Promise<string[]> => {
    const views = await overlay.cli<TunnelView[]>(['ls', 'tunnels']);
    return [...new Set(views.map(({ from, transport, reason }) => `${from} ${transport}: ${reason}`))].sort();
  };

  it('each has a tunnel over its own, and a pair without a preference has what it always had', async () => {
    await connect(await addPair('bulk', ['--transport', 'tcp']), 'bulk');
    const plain = await addPair('plain');
    const first = await connect(plain, 'plain');
    // On a machine that is busy QUIC may come up too late for that one.
    await expect.poll(tunnels, { timeout: 20_000 }).toContain('a quic: QUIC gets through');
    first.destroy();
    await connect(plain, 'again');
    await connect(await addPair('more-bulk', ['--transport', 'tcp']), 'more-bulk');
    await connect(await addPair('roaming', ['--transport', 'quic']), 'roaming');
    const transports = { bulk: 'tcp', plain: 'quic', 'more-bulk': 'tcp', roaming: 'quic' };
    await expect.poll(transportOf, { timeout: 20_000 }).toEqual(transports);
    const standing = ['a quic: QUIC gets through', 'a tcp: preferred by an access pair'];
    await expect.poll(tunnels, { timeout: 20_000 }).toEqual(standing);
    expect(await overlay.admin(['pair', 'show', 'bulk'])).toMatch(/^transport +tcp$/m);
  });

  it('an operator’s --transport binds them', async () => {
    await overlay.addPortal('c', ['--transport', 'tcp']);
    await connect(await addPair('bound', ['--transport', 'quic'], 'c'), 'bound');
    expect(await transportOf()).toMatchObject({ bound: 'tcp' });
    expect(await tunnels()).toContain('c tcp: --transport tcp');
  });
});
