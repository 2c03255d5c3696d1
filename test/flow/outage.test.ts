import type { CircuitView, PortalView, RelayView } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  dial,
  ending,
  exchange,
  freePort,
  Overlay,
  startEcho,
  startTarget,
  type Target,
  waitFor,
} from '../harness/index.js';

describe('what outlives an outage', () => {
  let overlay: Overlay;
  let target: Target;
  let port: number;
  beforeAll(async () => {
    // In the kernel, circuits would not care whether their relay is frozen or dead: test/netns shows that.
    overlay = await Overlay.start({
      relays: ['relay-1', 'relay-2'],
      relayArgs: ['--datapath', 'userspace'],
      // Whatever is to finish when a portal stops may take its time.
      portalArgs: ['--transport', 'tcp', '--grace', '1m'],
    });
    target = await startEcho();
    port = await freePort();
    await overlay.addPair('echo', `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);
  });
  afterAll(async () => {
    await overlay?.stop();
    await target?.close();
  });

  /** The one circuit that runs, once those that were lost are gone. */
  const circuit = (): Promise<CircuitView> =>
    waitFor('one circuit', async () => {
      const circuits = await overlay.cli<CircuitView[]>(['ls', 'circuits']);
      return circuits.length === 1 && circuits[0];
    });

  /** Dials until it works: while something is being replaced, connections are refused at once. */
  const exchangeAgain = (text: string): Promise<string> =>
    waitFor('traffic to resume', async () => {
      const socket = await dial(port);
      try {
        return await exchange(socket, text);
      } finally {
        socket.destroy();
      }
    });

  it('the control server may die: running and new connections go on, and everybody comes back', async () => {
    const running = await dial(port);
    expect(await exchange(running, 'before')).toBe('before');
    await overlay.control.stop('SIGKILL');

    expect(await exchange(running, 'while it is away')).toBe('while it is away');
    const fresh = await dial(port);
    expect(await exchange(fresh, 'a new one')).toBe('a new one');

    await overlay.restartControl();
    await waitFor(
      'all to be online again',
      async () => {
        const portals = await overlay.cli<PortalView[]>(['portal', 'ls']);
        const relays = await overlay.cli<RelayView[]>(['relay', 'ls']);
        return [...portals, ...relays].every(({ online }) => online);
      },
      60_000,
    );
    expect(await exchange(running, 'afterwards')).toBe('afterwards');
    expect((await circuit()).state, 'the circuit is known again').toBe('joined');
    running.destroy();
    fresh.destroy();
  });

  it('a relay may die: traffic resumes over another one', async () => {
    const running = await dial(port);
    expect(await exchange(running, 'before')).toBe('before');
    const dead = overlay.relay((await circuit()).relay);
    const ended = ending(running);
    await dead.process.stop('SIGKILL');

    expect(await ended).toBe('reset');
    expect(await exchangeAgain('over the other relay')).toBe('over the other relay');
    expect((await circuit()).relay).not.toBe(dead.name);
    await dead.start();
  });

  it('a relay may freeze without closing anything: its silence is noticed', async () => {
    const running = await dial(port);
    expect(await exchange(running, 'before')).toBe('before');
    const frozen = overlay.relay((await circuit()).relay);
    const ended = ending(running);
    frozen.process.signal('SIGSTOP');
    expect(await ended).toBe('reset');
    expect(await exchangeAgain('over the other relay')).toBe('over the other relay');
    frozen.process.signal('SIGCONT');
    await waitFor('the relay to be online again', async () => {
      const relays = await overlay.cli<RelayView[]>(['relay', 'ls']);
      return relays.every(({ online }) => online);
    });
  });

  it('a transfer that a dead relay cuts off never looks whole', async () => {
    const half = await startTarget((socket) => {
      // The client has ended its side, so only the reset can tell it that this is not all.
      socket.resume().once('end', () => socket.write(Buffer.alloc(1_000_000)));
    });
    const cutPort = await freePort();
    await overlay.addPair('cut-off', `a:127.0.0.1:${cutPort}`, `b:127.0.0.1:${half.port}`);
    const socket = await dial(cutPort);
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    socket.end('request');
    await waitFor('what was sent', () => received === 1_000_000);
    const dead = overlay.relay((await circuit()).relay);
    const ended = ending(socket);
    await dead.process.stop('SIGKILL');
    expect(await ended).toBe('reset');
    await half.close();
    await dead.start();
  });

  it('a portal may be killed: it comes back with its identity, without a token', async () => {
    for (const name of ['b', 'a']) {
      const portal = overlay.portal(name);
      await portal.process.stop('SIGKILL');
      await portal.start();
      expect(await exchangeAgain(`after ${name} came back`)).toBe(`after ${name} came back`);
    }
    const portals = await overlay.cli<PortalView[]>(['portal', 'ls']);
    expect(portals.map(({ name }) => name).sort()).toEqual(['a', 'b']);
  });

  it('a portal starts and listens from its stored policy while the control server is away', async () => {
    await overlay.control.stop('SIGKILL');
    const portal = overlay.portal('a');
    await portal.process.stop('SIGKILL');
    const started = portal.start();
    // Awaited below.
    started.catch(() => {});
    const socket = await waitFor('the listener', () => dial(port));
    // It listens, but nobody can allocate a circuit now: the application is told at once.
    expect(await ending(socket)).toBe('reset');
    await overlay.restartControl();
    await started;
    expect(await exchangeAgain('and on')).toBe('and on');
  });

  it('a portal that is told to stop lets a running connection finish', async () => {
    const portal = overlay.portal('b');
    const socket = await dial(port);
    expect(await exchange(socket, 'running')).toBe('running');
    const stopped = portal.process.stop('SIGTERM');
    await portal.process.waitForLog(({ msg }) => msg.includes('drain'));
    expect(await exchange(socket, 'still running')).toBe('still running');
    socket.end();
    expect(await stopped).toBe(0);
    await portal.start();
    expect(await exchangeAgain('next')).toBe('next');
  });
});
