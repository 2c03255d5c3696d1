import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type CircuitId, encodeReadyMark } from '@netport/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lackTakeover, titled } from '../../testing/machine.js';
import { readAll, readExactly, readReadyMark, socketPair, waitFor } from '../../testing/sockets.js';
import { userspaceDatapath } from '../userspace.js';
import { addressBytes } from './address.js';
import { type FlowKey, noHop, type Sender } from './layout.js';
import { freeze, openRawSender, type RawSender, setMaxSegment, thaw } from './sockets.js';
import { type Taken, type TakeoverKernel, takeOver } from './takeover.js';

/** Without the program: what a takeover does to real connections. */
describe.skipIf(lackTakeover).each(['127.0.0.1', '::1'])(titled('a takeover over %s', lackTakeover), (host) => {
  let near: [Socket, Socket];
  let far: [Socket, Socket];
  let raw: RawSender;
  const installed = new Set<string>();
  let senders: Map<number, Sender>;

  beforeEach(async () => {
    const options = { host, prepare: (server: Parameters<typeof setMaxSegment>[0]) => setMaxSegment(server, 1400) };
    const [a, b] = [await socketPair(options), await socketPair(options)];
    near = [a.near, b.near];
    far = [a.far, b.far];
    senders = new Map();
    raw = openRawSender();
    installed.clear();
    for (const [i, portal] of far.entries()) {
      portal.write('preamble');
      await readExactly(near[i] as Socket, 8);
      // What the program would have recorded: the portal's clock.
      const { timestamp } = freeze(portal);
      thaw(portal);
      senders.set(portal.localPort ?? 0, {
        ...{ seen: 1n, local: addressBytes(host), hop: noHop, tsval: timestamp, window: 500, timestamps: 1 },
      });
    }
  });
  afterEach(() => {
    raw.close();
    for (const socket of [...near, ...far]) socket.resetAndDestroy();
  });

  const kernel = (change: Partial<TakeoverKernel<string>> = {}): TakeoverKernel<string> => ({
    sender: ({ remotePort }: FlowKey) => senders.get(remotePort),
    isLocal: () => true,
    install: () => {
      installed.add('circuit');
      return 'circuit';
    },
    remove: (circuit) => installed.delete(circuit),
    raw,
    ...change,
  });

  /** The circuit in userspace, from the ready mark to the end, both ways. */
  async function expectToWork(early = ''): Promise<void> {
    const circuitId = '00000000-0000-4000-8000-000000000000' as CircuitId;
    const join = userspaceDatapath().join({ circuitId, ports: [1, 2], sockets: near });
    for (const portal of far) expect(new Uint8Array(await readReadyMark(portal))).toEqual(encodeReadyMark());
    const [a, b] = far;
    const [there, back] = ['x'.repeat(100_000), 'y'.repeat(100_000)];
    const received = [readAll(b), readAll(a)];
    a.end(there);
    b.end(back);
    expect((await Promise.all(received)).map(String)).toEqual([early + there, back]);
    expect(await join.closed).toBe('circuit_closed');
  }

  it('sends the ready marks, and leaves no sockets', async () => {
    const result = takeOver(near, kernel()) as Taken<string>;
    expect(result).toMatchObject({ installed: 'circuit' });
    expect(result.legs[0].key).toMatchObject({ remotePort: far[0].localPort, localPort: far[0].remotePort });
    for (const portal of far) expect(new Uint8Array(await readReadyMark(portal))).toEqual(encodeReadyMark());
    await waitFor(() => near.every((socket) => socket.closed));
  });

  it('leaves both connections as they were when the maps are full', async () => {
    expect(takeOver(near, kernel({ install: () => undefined }))).toEqual({ decline: 'map_full' });
    await expectToWork();
  });

  it('leaves both connections as they were when the entries cannot be installed', async () => {
    const error = new Error('E2BIG');
    const install = () => {
      throw error;
    };
    expect(takeOver(near, kernel({ install }))).toEqual({ decline: 'map_full', error });
    await expectToWork();
  });

  it('leaves both connections as they were when nothing was recorded', async () => {
    senders.clear();
    expect(takeOver(near, kernel())).toEqual({ decline: 'no_record' });
    await expectToWork();
  });

  it('takes the entries back when a portal spoke while they were installed', async () => {
    const install = () => {
      // Over the loopback it has arrived when write() returns.
      far[0].write('early');
      installed.add('circuit');
      return 'circuit';
    };
    expect(takeOver(near, kernel({ install }))).toEqual({ decline: 'changed' });
    expect(installed).toEqual(new Set());
    await expectToWork('early');
  });

  it.each([0, 1])('takes the entries back when only %i marks could be sent', async (count) => {
    let sent = 0;
    const error = new Error('EPERM');
    const send = (packet: Uint8Array) => {
      if (sent++ === count) throw error;
      raw.send(packet);
    };
    expect(takeOver(near, kernel({ raw: { ...raw, send } }))).toEqual({ decline: 'raw_socket', error });
    expect(installed).toEqual(new Set());
    await expectToWork();
  });

  it('does not begin with a leg that has unread bytes, has ended or is gone', async () => {
    far[1].write('early');
    await once(near[1], 'readable');
    expect(takeOver(near, kernel())).toEqual({ decline: 'unread' });
    far[1].end();
    near[1].resume();
    await once(near[1], 'end');
    expect(takeOver(near, kernel())).toEqual({ decline: 'not_established' });
    near[0].destroy();
    expect(takeOver(near, kernel())).toEqual({ decline: 'not_established' });
  });
});
