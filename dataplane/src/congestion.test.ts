import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { setCongestion, unavailable } from './index.js';

const lack = unavailable ?? (spawnSync('ss', ['-V']).status === 0 ? undefined : 'no ss: install iproute2');
const skipped = lack ? ` (skipped: ${lack})` : '';

it.skipIf(lack)(
  `has a TCP socket follow another congestion control, and says what the kernel has not${skipped}`,
  async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;

    setCongestion(fd, 'reno');
    expect(execFileSync('ss', ['-tinH', 'dport', '=', `:${port}`], { encoding: 'utf8' })).toContain('reno');
    expect(() => setCongestion(fd, 'nothing')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    socket.destroy();
    server.close();
  },
);
