import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import {
  circuitIdSchema,
  type LegOffer,
  type Name,
  type PolicyDocument,
  type PolicyRule,
  pairIdSchema,
} from '@netport/protocol';
import { createLogger } from '@netport/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Forwarder, type StreamFailure } from './forwarder.js';
import { Listeners } from './listener/listeners.js';
import { buildTunnel } from './path/circuit.js';
import { issue, newAuthority, spiffeId, trustDomain, trustIn } from './testing/identities.js';
import { collect, dial, looseRelay, portOf, serve, until } from './testing/sockets.js';
import { Tunnels } from './tunnel/tunnels.js';

const authority = await newAuthority();
const identities = [await issue(authority, spiffeId('a')), await issue(authority, spiffeId('b'))] as const;
const log = createLogger('test', 'silent');
const pair = pairIdSchema.parse(randomUUID());

/** Two portals without a control server: policies are set by hand, circuits go through a relay that joins anything. */
class Portals {
  readonly failures: StreamFailure[] = [];
  readonly policies: [PolicyDocument | undefined, PolicyDocument | undefined] = [undefined, undefined];
  readonly cleanup: (() => void)[] = [];
  relay: Awaited<ReturnType<typeof looseRelay>> | undefined;
  readonly forwarders = [0, 1].map((i) => this.#forwarder(i as 0 | 1)) as [Forwarder, Forwarder];
  readonly tunnels: Tunnels = new Tunnels({
    dial: () => this.#dial(),
    choose: (_peer, _preference, [first]) => first,
    idle: 60_000,
    now: Date.now,
  });
  readonly listeners = new Listeners({
    onSocket: (socket, rule) => void this.forwarders[0].outgoing(socket, rule),
    onClient: (client, rule) => void this.forwarders[0].outgoingFlow(client, rule),
    drops: this.forwarders[0].drops,
    onChange: () => {},
    log,
  });

  allow(target: { address: string; port?: number }): PolicyRule {
    const common = { version: 1, trustDomain, issuedAt: new Date().toISOString() };
    const rule = { pair, name: 'web' as Name, protocol: 'tcp' as const };
    const listener: PolicyRule = { ...rule, peer: spiffeId('b'), address: '127.0.0.1', port: 1 };
    this.policies[0] = { ...common, portal: 'a' as Name, listeners: [listener], targets: [] };
    this.policies[1] = {
      ...common,
      portal: 'b' as Name,
      listeners: [],
      targets: [{ ...rule, ...target, peer: spiffeId('a') }],
    };
    return listener;
  }

  #forwarder(i: 0 | 1): Forwarder {
    return new Forwarder({
      policy: () => this.policies[i],
      tunnel: (peer) => this.tunnels.open(peer),
      onFailure: (failure) => this.failures.push(failure),
      onEnd: () => {},
      log,
      now: Date.now,
    });
  }

  async #dial() {
    this.relay ??= await looseRelay();
    const common = {
      circuitId: circuitIdSchema.parse(randomUUID()),
      transport: 'tcp' as const,
      relay: 'r1' as Name,
      host: '127.0.0.1',
      port: this.relay.port,
      token: randomBytes(32).toString('base64url'),
      expiresAt: new Date(Date.now() + 30_000).toISOString(),
    };
    const offers: LegOffer[] = [
      { ...common, role: 'client', peer: spiffeId('b') },
      { ...common, role: 'server', peer: spiffeId('a') },
    ];
    const [client] = await Promise.all(
      offers.map((leg, i) =>
        buildTunnel(leg, {
          identity: identities[i as 0 | 1],
          trust: () => trustIn(authority),
          now: () => new Date(),
          onStream: (peer, stream) => void this.forwarders[1].incoming(peer, 'tcp', stream),
          onFlow: (peer, flow) => void this.forwarders[1].incomingFlow(peer, 'tcp', flow),
        }),
      ),
    );
    if (!client) throw new Error('no tunnel');
    return client;
  }

  /** An application's connection to portal a. */
  async connect(rule: PolicyRule): Promise<Socket> {
    const server = await serve((socket) => {
      socket.pause();
      void this.forwarders[0].outgoing(socket, rule);
    });
    this.cleanup.push(() => server.close());
    return dial(server);
  }
}

describe('a stream from application to target', () => {
  let portals: Portals;
  const servers: Server[] = [];
  const target = async (onSocket: (socket: Socket) => void): Promise<PolicyRule> => {
    const server = await serve(onSocket);
    servers.push(server);
    return portals.allow({ address: '127.0.0.1', port: portOf(server) });
  };

  beforeEach(() => {
    portals = new Portals();
  });
  afterEach(async () => {
    for (const clean of portals.cleanup) clean();
    await portals.tunnels.drain();
    portals.relay?.server.close();
    for (const server of servers.splice(0)) server.close();
  });

  it('carries 64 MiB each way at once and ends in order', async () => {
    const rule = await target((socket) => socket.pipe(socket));
    const application = await portals.connect(rule);
    const payload = randomBytes(64 * 1024 * 1024);
    application.end(payload);
    const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(sha(await collect(application))).toBe(sha(payload));
    await until(() => portals.forwarders.every(({ streams }) => streams.size === 0));
    expect(portals.forwarders[0].streams.totals()).toEqual({
      bytesSent: payload.length,
      bytesReceived: payload.length,
      dropped: 0,
    });
    expect(portals.failures).toEqual([]);
  });

  it('keeps half-close: the request ends, the reply still comes whole', async () => {
    const reply = randomBytes(2_000_000);
    const rule = await target((socket) => void collect(socket).then(() => socket.end(reply)));
    const application = await portals.connect(rule);
    application.end('request');
    expect((await collect(application)).equals(reply)).toBe(true);
  });

  it('carries a reset of the target to the application, and never as an end', async () => {
    const rule = await target((socket) => {
      socket.write('part');
      socket.once('data', () => socket.resetAndDestroy());
    });
    const application = await portals.connect(rule);
    const ended: string[] = [];
    application.on('end', () => ended.push('end'));
    application.once('data', () => application.write('go'));
    const [error] = await once(application, 'error');
    expect(error).toMatchObject({ code: 'ECONNRESET' });
    expect(ended).toEqual([]);
  });

  it('carries a reset of the application to the target', async () => {
    const broken: Promise<unknown>[] = [];
    const rule = await target((socket) => {
      broken.push(once(socket.resume(), 'error'));
      socket.write('hello');
    });
    const application = await portals.connect(rule);
    await once(application, 'data');
    application.resetAndDestroy();
    expect(await broken[0]).toMatchObject([{ code: 'ECONNRESET' }]);
  });

  it('resets the application when the target refuses, and says why', async () => {
    const rule = portals.allow({ address: '127.0.0.1', port: await freePort() });
    const application = await portals.connect(rule);
    await once(application.resume(), 'error');
    await until(() => portals.failures.length === 2);
    expect(portals.failures.map(({ direction, error }) => [direction, error.code]).sort()).toEqual([
      ['incoming', 'connect_refused'],
      ['outgoing', 'connect_refused'],
    ]);
  });

  it('is refused by the other gate when the opener lies about its pair', async () => {
    const rule = await target((socket) => socket.end());
    portals.policies[1] = undefined;
    const application = await portals.connect(rule);
    await once(application.resume(), 'error');
    await until(() => portals.failures.length === 2);
    expect(portals.failures.map(({ direction, error, denied }) => [direction, error.code, denied]).sort()).toEqual([
      ['incoming', 'policy_denied', true],
      ['outgoing', 'policy_denied', false],
    ]);
  });

  it('is cut at both ends when its rule goes', async () => {
    const rule = await target((socket) => socket.write('hello'));
    const application = await portals.connect(rule);
    await once(application, 'data');
    portals.policies[0] = undefined;
    portals.forwarders[0].streams.recheck(undefined, Date.now());
    await once(application.resume(), 'error');
    await until(() => portals.forwarders.every(({ streams }) => streams.size === 0));
  });

  it('opens many at once over one tunnel', async () => {
    const rule = await target((socket) => socket.pipe(socket));
    await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const application = await portals.connect(rule);
        const payload = Buffer.alloc(100_000, i);
        application.end(payload);
        expect((await collect(application)).equals(payload)).toBe(true);
      }),
    );
    expect(portals.relay?.legs.length).toBe(2);
  });
});

async function freePort(): Promise<number> {
  const server = await serve(() => {});
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}
