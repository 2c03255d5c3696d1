import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { endedInOrder, unavailable } from './index.js';

const skipped = unavailable ? ` (skipped: ${unavailable})` : '';
const fdOf = (socket: Socket): number => (socket as unknown as { _handle: { fd: number } })._handle.fd;

it.skipIf(unavailable)(`tells an end from a reset, where Node may say 'end' of both${skipped}`, async () => {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  for (const leave of ['end', 'resetAndDestroy'] as const) {
    const far = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [near] = (await once(server, 'connection')) as [Socket];
    expect(endedInOrder(fdOf(near))).toBe(false);
    far.write('the last bytes');
    far[leave]();
    await once(far, leave === 'end' ? 'finish' : 'close');
    expect(endedInOrder(fdOf(near))).toBe(false);
    near.resume();
    const ended = await once(near, 'end').then(
      () => true,
      () => false,
    );
    expect(ended && endedInOrder(fdOf(near))).toBe(leave === 'end');
    near.destroy();
    far.destroy();
  }
  server.close();
});
