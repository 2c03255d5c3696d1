import type { Socket } from 'node:net';
import type { CircuitView } from '@netport/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  dial,
  ending,
  exchange,
  freePort,
  type Member,
  Overlay,
  runCommand,
  scripts,
  startEcho,
  type Target,
  waitFor,
} from '../harness/index.js';

/** What ends a connection over TCP. In userspace, where a circuit needs its relay's process. */
describe('a connection over QUIC', () => {
  let overlay: Overlay;
  let target: Target;
  let near: Socket;
  let far: Socket;

  beforeAll(async () => {
    overlay = await Overlay.start({
      relays: ['relay-1', 'relay-2'],
      relayArgs: ['--datapath', 'userspace', '--grace', '0s'],
      portalArgs: ['--transport', 'quic'],
    });
    target = await startEcho();
  });
  afterAll(async () => {
    await overlay?.stop();
    await target?.close();
  });

  beforeEach(async () => {
    const port = await freePort();
    await overlay.addPair('held', `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);
    near = await dial(port);
    expect(await exchange(near, 'before')).toBe('before');
    far = target.connections.at(-1) as Socket;
  });
  afterEach(async () => {
    near.destroy();
    // A test may have done so.
    await overlay.tryCli(['pair', 'rm', 'held']);
  });

  /** The one circuit that runs, once those that it took the place of are gone. */
  const circuit = (): Promise<CircuitView> =>
    waitFor('one circuit', async () => {
      const circuits = await overlay.cli<CircuitView[]>(['ls', 'circuits']);
      return circuits.length === 1 && circuits[0];
    });
  const relays = async (): Promise<{ used: Member; other: Member }> => {
    const used = overlay.relay((await circuit()).relay);
    return { used, other: overlay.relay(used.name === 'relay-1' ? 'relay-2' : 'relay-1') };
  };

  it.each([
    ['stops in order', 'SIGTERM'],
    ['is killed', 'SIGKILL'],
    ['freezes', 'SIGSTOP'],
  ] as const)('outlives a relay that %s', async (_what, signal) => {
    const { used, other } = await relays();
    used.process.signal(signal);
    for (const word of ['during', 'after']) expect(await exchange(near, word)).toBe(word);
    if (signal === 'SIGSTOP') used.process.signal('SIGCONT');
    else await used.start();
    expect((await circuit()).relay).toBe(other.name);
  });

  it('leaves a relay that is drained, before that stops', async () => {
    const { used, other } = await relays();
    const args = ['drain', '--data', used.directory, '--wait', '30s'];
    expect(await runCommand({ name: 'drain', script: scripts.relay, args })).toMatchObject({ code: 0, stderr: '' });
    expect((await circuit()).relay).toBe(other.name);
    expect(await exchange(near, 'elsewhere')).toBe('elsewhere');
    // No circuit is left to wait for.
    expect(await used.process.stop('SIGTERM')).toBe(0);
    await used.start();
  });

  it('ends with its pair while its relay is away, and gets no other', async () => {
    const { used } = await relays();
    const ends = Promise.all([ending(near), ending(far)]);
    used.process.signal('SIGSTOP');
    await overlay.admin(['pair', 'rm', 'held']);
    expect(await ends).toEqual(['reset', 'reset']);
    used.process.signal('SIGCONT');
  });

  it('outlives the restart of the only relay, and ends when that does not come back', async () => {
    const { used, other } = await relays();
    await other.process.stop('SIGKILL');
    await used.process.stop('SIGKILL');
    await used.start();
    expect(await exchange(near, 'after')).toBe('after');
    const ends = Promise.all([ending(near), ending(far)]);
    await used.process.stop('SIGKILL');
    expect(await ends).toEqual(['reset', 'reset']);
  });
});
