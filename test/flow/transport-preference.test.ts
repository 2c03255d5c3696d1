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

  const connect = async (name: string, options: string[] = [], from = 'a'): Promise<void> => {
    const port = await freePort();
    await overlay.addPair(name, `${from}:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`, options);
    const socket = await dial(port);
    sockets.push(socket);
    expect(await exchange(socket, name)).toBe(name);
  };
  const transportOf = async (): Promise<Record<string, string>> => {
    const streams = await overlay.cli<StreamView[]>(['ls', 'streams']);
    return Object.fromEntries(streams.map(({ pair, transport }) => [pair, transport]));
  };

  it('each has a tunnel over its own, and a pair without a preference has what it always had', async () => {
    await connect('bulk', ['--transport', 'tcp']);
    await connect('plain');
    await connect('more-bulk', ['--transport', 'tcp']);
    await connect('roaming', ['--transport', 'quic']);
    expect(await transportOf()).toEqual({ bulk: 'tcp', plain: 'quic', 'more-bulk': 'tcp', roaming: 'quic' });
    const tunnels = await overlay.cli<TunnelView[]>(['ls', 'tunnels']);
    expect(tunnels.map(({ transport, reason }) => [transport, reason]).sort()).toEqual([
      ['quic', 'QUIC came up first'],
      ['tcp', 'preferred by an access pair'],
    ]);
    expect(await overlay.admin(['pair', 'show', 'bulk'])).toMatch(/^transport +tcp$/m);
  });

  it('an operator’s --transport binds them', async () => {
    await overlay.addPortal('c', ['--transport', 'tcp']);
    await connect('bound', ['--transport', 'quic'], 'c');
    expect(await transportOf()).toMatchObject({ bound: 'tcp' });
    const tunnels = await overlay.cli<TunnelView[]>(['ls', 'tunnels']);
    expect(tunnels.filter(({ from }) => from === 'c')).toMatchObject([{ transport: 'tcp', reason: '--transport tcp' }]);
  });
});
