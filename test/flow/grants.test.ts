import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditEventView, PairView } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  dial,
  ending,
  exchange,
  freePort,
  listenerClosed,
  Overlay,
  startEcho,
  startTarget,
  type Target,
} from '../harness/index.js';

describe('grants', () => {
  let overlay: Overlay;
  let target: Target;
  let port: number;
  beforeAll(async () => {
    overlay = await Overlay.start({ portals: ['a', 'b'], portalArgs: ['--transport', 'tcp'] });
    target = await startEcho();
    port = await freePort();
  });
  afterAll(async () => {
    await overlay?.stop();
    await target?.close();
  });

  const apply = async (...documents: object[]) => {
    const file = join(overlay.directory, 'policy.json');
    const complete = documents.map((document) => ({ apiVersion: 'netport.dev/v1', ...document }));
    await writeFile(file, JSON.stringify(complete));
    return overlay.admin(['apply', '-f', file]);
  };
  const portal = (labels: object) => ({ kind: 'Portal', metadata: { name: 'a', labels } });
  const grant = () => ({
    kind: 'AccessPair',
    metadata: { name: 'echo' },
    spec: {
      from: { portals: { label: 'site=berlin' }, address: '127.0.0.1', port },
      to: { portal: 'b', address: '127.0.0.1', port: target.port },
    },
  });

  it('by label: carries traffic from a portal that has the label, and cuts its streams when it loses it', async () => {
    await apply(grant());
    expect(await overlay.cli<PairView[]>(['pair', 'ls'])).toEqual([]);
    await apply(portal({ site: 'berlin' }));
    await overlay.pairState('echo-a', 'active');
    const socket = await dial(port);
    expect(await exchange(socket, 'labelled')).toBe('labelled');
    const end = ending(socket);
    await apply(portal({ site: 'hamburg' }));
    expect(await end).toBe('reset');
    await listenerClosed(port);
    expect(await overlay.cli<PairView[]>(['pair', 'ls'])).toEqual([]);
  });

  it('by label: follows labels that are set by hand, too', async () => {
    await overlay.admin(['portal', 'label', 'a', 'site=berlin']);
    await overlay.pairState('echo-a', 'active');
    const socket = await dial(port);
    expect(await exchange(socket, 'by hand')).toBe('by hand');
    const { code, stderr } = await overlay.tryCli(['pair', 'rm', 'echo-a']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('pair_derived')]);
    await overlay.admin(['portal', 'label', 'a', 'site-']);
    expect(await ending(socket)).toBe('reset');
    await listenerClosed(port);
  });

  it('by the clock: a stream is cut when its hours end', async () => {
    const own = await freePort();
    // The next full minute that leaves time to connect.
    const ends = new Date(Math.ceil((Date.now() + 20_000) / 60_000) * 60_000);
    const clock = (time: Date) => time.toISOString().slice(11, 16);
    const schedule = { days: ['mon-sun'], from: clock(new Date(ends.getTime() - 3_600_000)), to: clock(ends) };
    await apply({
      kind: 'AccessPair',
      metadata: { name: 'timed' },
      spec: {
        from: { portal: 'a', address: '127.0.0.1', port: own },
        to: { portal: 'b', address: '127.0.0.1', port: target.port },
        schedule,
      },
    });
    await overlay.pairState('timed', 'active');
    const socket = await dial(own);
    expect(await exchange(socket, 'in time')).toBe('in time');
    expect(await ending(socket)).toBe('reset');
    await listenerClosed(own);
    const { error } = await overlay.pairState('timed', 'disabled');
    expect(error?.code).toBe('outside_schedule');
    const [event] = await overlay.cli<AuditEventView[]>(['audit', '--action', 'pair.end']);
    expect(event?.detail).toMatchObject({ pairs: ['timed'] });
  }, 240_000);

  it('that are edited: the listener moves, the target changes, and what ran by the old words is cut', async () => {
    const [first, second] = [await freePort(), await freePort()];
    const other = await startTarget((socket) => void socket.end('the other'));
    await overlay.addPair('moving', `a:127.0.0.1:${first}`, `b:127.0.0.1:${target.port}`);
    const before = await dial(first);
    expect(await exchange(before, 'here')).toBe('here');
    const cut = ending(before);
    await overlay.admin(['pair', 'edit', 'moving', '--from', `a:127.0.0.1:${second}`]);
    expect(await cut).toBe('reset');
    await listenerClosed(first);
    await overlay.inForce('moving');
    const moved = await dial(second);
    expect(await exchange(moved, 'there')).toBe('there');

    const retargeted = ending(moved);
    await overlay.admin(['pair', 'edit', 'moving', '--to', `b:127.0.0.1:${other.port}`]);
    expect(await retargeted).toBe('reset');
    await overlay.inForce('moving');
    const [answer] = await once(await dial(second), 'data');
    expect(String(answer)).toBe('the other');
    await other.close();
  });
});
