import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Name, type PolicyRule, pairIdSchema } from '@netport/protocol';
import { createLogger } from '@netport/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectTarget } from '../connector/target.js';
import { connectUdpTarget } from '../connector/udp-target.js';
import { noDrops } from '../datagram-end.js';
import { spiffeId } from '../testing/identities.js';
import { collect, portOf, serve, until } from '../testing/sockets.js';
import { Listeners } from './listeners.js';

const ruleOf = (endpoint: { address: string; port?: number }): PolicyRule => ({
  pair: pairIdSchema.parse(randomUUID()),
  name: 'web' as Name,
  protocol: 'tcp',
  peer: spiffeId('b'),
  ...endpoint,
});
async function freePort(): Promise<number> {
  const server = await serve(() => {});
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

describe('listeners and connectors', () => {
  let path: string;
  let changes = 0;
  const accepted: { socket: Socket; rule: PolicyRule }[] = [];
  const listeners = new Listeners({
    onSocket: (socket, rule) => {
      accepted.push({ socket, rule });
      socket.on('error', () => {}).end('hello');
      socket.resume();
    },
    onClient: (client) => {
      client.onDatagram = (datagram) => client.send(datagram);
    },
    drops: noDrops(),
    onChange: () => {
      changes += 1;
    },
    log: createLogger('test', 'silent'),
    retryInterval: 20,
  });
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'netport-listen-'));
  });
  afterEach(async () => {
    listeners.close();
    accepted.splice(0);
    changes = 0;
    await rm(path, { recursive: true });
  });

  it('opens what is new, closes what is gone, leaves the rest alone', async () => {
    const stays = ruleOf({ address: '127.0.0.1', port: await freePort() });
    const goes = ruleOf({ address: '127.0.0.1', port: await freePort() });
    await listeners.apply([stays, goes]);
    const socket = connect({ port: stays.port ?? 0, host: '127.0.0.1', allowHalfOpen: true });
    expect((await collect(socket)).toString()).toBe('hello');
    socket.destroy();
    const renewed = { ...stays, pair: pairIdSchema.parse(randomUUID()) };
    await listeners.apply([renewed]);
    await expect(connectTarget(goes)).rejects.toMatchObject({ code: 'connect_refused' });
    (await connectTarget(renewed)).destroy();
    await until(() => accepted.length === 2);
    expect(accepted.map(({ rule }) => rule.pair)).toEqual([stays.pair, renewed.pair]);
  });

  it('reports a taken port, opens the others, and takes the port once it is free', async () => {
    const blocker = await serve(() => {});
    const taken = ruleOf({ address: '127.0.0.1', port: portOf(blocker) });
    const free = ruleOf({ address: '127.0.0.1', port: await freePort() });
    await listeners.apply([taken, free]);
    expect(listeners.failed()).toMatchObject([{ pair: taken.pair, code: 'address_in_use' }]);
    (await connectTarget(free)).destroy();
    blocker.close();
    await until(() => listeners.failed().length === 0);
    expect(changes).toBe(2);
  });

  it('says what is wrong with an address of another machine', async () => {
    const elsewhere = ruleOf({ address: '192.0.2.1', port: 5000 });
    await listeners.apply([elsewhere, { ...elsewhere, protocol: 'udp' }]);
    expect(listeners.failed()).toMatchObject([{ code: 'address_unavailable' }, { code: 'address_unavailable' }]);
  });

  it('listens for udp beside tcp on one port, and reports a port that is taken', async () => {
    const port = await freePort();
    const tcp = ruleOf({ address: '127.0.0.1', port });
    const udp: PolicyRule = { ...ruleOf({ address: '127.0.0.1', port }), protocol: 'udp' };
    await listeners.apply([tcp, udp]);
    expect(listeners.failed()).toEqual([]);
    const target = await connectUdpTarget(udp, noDrops());
    const answer = new Promise((resolve) => {
      target.onDatagram = (datagram) => resolve(Buffer.from(datagram).toString());
    });
    target.send(Buffer.from('over udp'));
    expect(await answer).toBe('over udp');
    target.close();

    const other = new Listeners({
      ...{ onSocket: () => {}, onClient: () => {}, drops: noDrops(), onChange: () => {} },
      log: createLogger('test', 'silent'),
    });
    await other.apply([udp]);
    expect(other.failed()).toMatchObject([{ code: 'address_in_use' }]);
    other.close();
  });

  it('listens on and dials a unix socket', async () => {
    const rule = ruleOf({ address: `unix:${join(path, 'app.sock')}` });
    await listeners.apply([rule]);
    expect((await stat(join(path, 'app.sock'))).mode & 0o777).toBe(0o660);
    const socket = await connectTarget(rule);
    expect((await collect(socket)).toString()).toBe('hello');
    socket.destroy();
  });

  it('replaces a stale unix socket, not a live one, and never a file', async () => {
    const stale = join(path, 'stale.sock');
    const script = `require('net').createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 'SIGKILL'))`;
    const { execFile } = await import('node:child_process');
    await new Promise((resolve) => execFile(process.execPath, ['-e', script], resolve));
    const live = join(path, 'live.sock');
    const owner = createServer().listen(live);
    await once(owner, 'listening');
    const file = join(path, 'file');
    await writeFile(file, 'precious');

    await listeners.apply([stale, live, file].map((name) => ruleOf({ address: `unix:${name}` })));
    expect(listeners.failed().map(({ code }) => code)).toEqual(['address_in_use', 'address_in_use']);
    expect((await stat(stale)).isSocket()).toBe(true);
    owner.close();
  });
});

describe('connectTarget', () => {
  it.each([
    ['a closed port', async () => ({ address: '127.0.0.1', port: await freePort() }), 'connect_refused'],
    ['a unix socket that is not there', async () => ({ address: 'unix:/nonexistent/x.sock' }), 'connect_refused'],
    ['a name that does not resolve', async () => ({ address: 'nobody.invalid', port: 80 }), 'dns_failed'],
  ])('says why it cannot reach %s', async (_case, target, code) => {
    await expect(connectTarget(await target())).rejects.toMatchObject({ code });
  });

  it('stops when nobody waits any more', async () => {
    await expect(connectTarget({ address: '127.0.0.1', port: 9 }, AbortSignal.abort())).rejects.toMatchObject({
      code: 'stream_reset',
    });
  });
});
