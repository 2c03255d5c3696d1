import type { TunnelView } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConnectProxy, dial, exchange, freePort, Overlay, startEcho, startProxy } from '../harness/index.js';

describe('--proxy', () => {
  let proxy: ConnectProxy;
  let overlay: Overlay;
  beforeAll(async () => {
    proxy = await startProxy('some one', 'p@ss');
    const url = `http://some%20one:p%40ss@127.0.0.1:${proxy.port}`;
    overlay = await Overlay.start({ portalArgs: ['--transport', 'tcp', '--proxy', url] });
  });
  afterAll(async () => {
    await overlay?.stop();
    proxy?.close();
  });

  it('takes enrolment, control sessions and legs through the proxy', async () => {
    const target = await startEcho();
    const port = await freePort();
    await overlay.addPair('proxied', `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);
    const socket = await dial(port);
    expect(await exchange(socket, 'through a proxy')).toBe('through a proxy');
    expect(await overlay.cli<TunnelView[]>(['ls', 'tunnels'])).toMatchObject([{ reason: '--transport tcp' }]);
    const control = new URL(overlay.url).host;
    // Of each portal: twice to enrol, and once for its session; then one leg each. What a busy machine delays is tried again.
    expect(proxy.targets.filter((host) => host === control).length).toBeGreaterThanOrEqual(6);
    expect(proxy.targets.filter((host) => host !== control).length).toBeGreaterThanOrEqual(2);
    socket.destroy();
    await target.close();
  });
});
