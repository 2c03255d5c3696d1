import type { Socket } from 'node:net';
import type { StreamView, TunnelView } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dial, ending, exchange, freePort, Overlay, startEcho, type Target } from '../harness/index.js';

describe('--transport quic', () => {
  let overlay: Overlay;
  let target: Target;
  beforeAll(async () => {
    overlay = await Overlay.start({ portalArgs: ['--transport', 'quic'] });
    target = await startEcho();
  });
  afterAll(async () => {
    await overlay?.stop();
    await target?.close();
  });

  const connect = async (name: string): Promise<{ socket: Socket; atTarget: Socket }> => {
    const port = await freePort();
    await overlay.addPair(name, `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);
    const socket = await dial(port);
    expect(await exchange(socket, name)).toBe(name);
    return { socket, atTarget: target.connections.at(-1) as Socket };
  };

  it('is what listings say of tunnels and streams', async () => {
    const { socket } = await connect('listed');
    const tunnels = await overlay.cli<TunnelView[]>(['ls', 'tunnels']);
    expect(tunnels.map(({ transport }) => transport)).toEqual(['quic']);
    const streams = await overlay.cli<StreamView[]>(['ls', 'streams']);
    expect(streams.map(({ transport }) => transport)).toEqual(['quic']);
    socket.destroy();
  });

  it('a removed pair ends its stream on both ends, and nothing else', async () => {
    const kept = await connect('kept');
    const cut = await connect('cut');
    const endings = Promise.all([ending(cut.socket), ending(cut.atTarget)]);
    await overlay.admin(['pair', 'rm', 'cut']);
    expect(await endings).toEqual(['reset', 'reset']);
    expect(await exchange(kept.socket, 'undisturbed')).toBe('undisturbed');
    kept.socket.destroy();
  });

  it('a portal that stops drains its tunnel, and the next connection builds another', async () => {
    const { socket } = await connect('drained');
    socket.destroy();
    const b = overlay.portals.get('b');
    await b?.process.stop();
    await b?.start();
    await overlay.inForce('drained');
    const again = await connect('rebuilt');
    again.socket.destroy();
  });
});
