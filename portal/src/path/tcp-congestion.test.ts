import { unavailable } from '@netport/dataplane';
import { expect, it } from 'vitest';
import { socketPair } from '../testing/sockets.js';
import { followCongestion } from './tcp-congestion.js';

it.skipIf(unavailable)(
  `follows what the kernel has, and says why it does not${unavailable ? ` (skipped: ${unavailable})` : ''}`,
  async () => {
    const [socket, other] = await socketPair(false);
    expect(followCongestion(socket, 'reno')).toBeUndefined();
    expect(followCongestion(socket, 'nothing')).toContain('no such file');
    socket.destroy();
    expect(followCongestion(socket, 'reno')).toBe('the socket has no descriptor');
    other.destroy();
  },
);
