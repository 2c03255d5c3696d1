import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PairView } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dial, ending, exchange, freePort, Overlay, startEcho, type Target, waitFor } from '../harness/index.js';

describe('a grant by label', () => {
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
  const closed = () =>
    waitFor('the listener to be closed', () =>
      dial(port).then(
        () => false,
        () => true,
      ),
    );

  it('carries traffic from a portal that has the label, and cuts its streams when it loses it', async () => {
    await apply(grant());
    expect(await overlay.cli<PairView[]>(['pair', 'ls'])).toEqual([]);
    await apply(portal({ site: 'berlin' }));
    await overlay.pairState('echo-a', 'active');
    const socket = await dial(port);
    expect(await exchange(socket, 'labelled')).toBe('labelled');
    const end = ending(socket);
    await apply(portal({ site: 'hamburg' }));
    expect(await end).toBe('reset');
    await closed();
    expect(await overlay.cli<PairView[]>(['pair', 'ls'])).toEqual([]);
  });

  it('follows labels that are set by hand, too', async () => {
    await overlay.admin(['portal', 'label', 'a', 'site=berlin']);
    await overlay.pairState('echo-a', 'active');
    const socket = await dial(port);
    expect(await exchange(socket, 'by hand')).toBe('by hand');
    const { code, stderr } = await overlay.tryCli(['pair', 'rm', 'echo-a']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('pair_derived')]);
    await overlay.admin(['portal', 'label', 'a', 'site-']);
    expect(await ending(socket)).toBe('reset');
    await closed();
  });
});
