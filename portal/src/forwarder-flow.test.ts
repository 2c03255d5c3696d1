import { randomUUID } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Name, type PolicyDocument, type PolicyRule, pairIdSchema, type SpiffeId } from '@netport/protocol';
import { createLogger } from '@netport/runtime';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type DatagramClient, noDrops } from './datagram-end.js';
import { Forwarder, type StreamFailure } from './forwarder.js';
import { PseudoConnections } from './listener/pseudo-connections.js';
import { spiffeId, trustDomain } from './testing/identities.js';
import { until } from './testing/sockets.js';
import { contextOf } from './testing/tunnels.js';
import { memoryTunnels } from './tunnel/memory.js';
import type { Tunnel } from './tunnel/tunnel.js';

const pair = pairIdSchema.parse(randomUUID());
let target: Socket;
let failures: StreamFailure[];
let policies: { a: PolicyDocument; b: PolicyDocument };
let a: Forwarder;
let b: Forwarder;
let tunnel: Tunnel;

/** Portals a and b without a network between them; a client at a, a target behind b. */
beforeEach(async () => {
  target = createSocket('udp4');
  target.bind(0, '127.0.0.1');
  await once(target, 'listening');
  failures = [];
  const rule = { pair, name: 'dns' as Name, protocol: 'udp' as const, address: '127.0.0.1' };
  const document = { version: 1, trustDomain, issuedAt: new Date().toISOString(), listeners: [], targets: [] };
  policies = {
    a: { ...document, portal: 'a' as Name, listeners: [{ ...rule, port: 1, peer: spiffeId('b') }] },
    b: { ...document, portal: 'b' as Name, targets: [{ ...rule, port: target.address().port, peer: spiffeId('a') }] },
  };
  a = forwarder(() => policies.a);
  b = forwarder(() => policies.b);
  const { client } = memoryTunnels({
    ...{ client: contextOf('client'), server: contextOf('server') },
    onStream: (stream) => stream.reject('policy_denied', 'udp only'),
    onFlow: (flow) => void b.incomingFlow(spiffeId('a'), 'tcp', flow),
  });
  tunnel = client;
});
afterEach(() => target.close());

const forwarder = (policy: () => PolicyDocument): Forwarder =>
  new Forwarder({
    ...{ policy, onFailure: (failure) => failures.push(failure), onEnd: () => {} },
    tunnel: async (_peer: SpiffeId) => tunnel,
    log: createLogger('test', 'silent'),
    now: Date.now,
  });

const listener = (): PolicyRule => {
  const [rule] = policies.a.listeners;
  if (!rule) throw new Error('no listener');
  return rule;
};

/** What a program would say to the listener, and what it hears. */
function program(): { say: (text: string) => void; heard: string[]; clients: DatagramClient[] } {
  const heard: string[] = [];
  const clients: DatagramClient[] = [];
  const rule = listener();
  const connections = new PseudoConnections({
    ...{ idle: 60_000, most: 10, drops: noDrops(), now: () => performance.now() },
    onClient: (client) => {
      clients.push(client);
      void a.outgoingFlow(client, rule);
    },
  });
  const reply = (datagram: Uint8Array): void => {
    heard.push(Buffer.from(datagram).toString());
  };
  const origin = { key: 'p', source: '127.0.0.1:40000', reply };
  return { say: (text) => connections.receive(origin, Buffer.from(text)), heard, clients };
}

it('carries what was said before the flow was open, and the answers', async () => {
  target.on('message', (datagram, { port }) => target.send(`re: ${datagram}`, port));
  const { say, heard } = program();
  for (const text of ['one', 'two', 'three']) say(text);
  await until(() => heard.length === 3);
  expect(heard.sort()).toEqual(['re: one', 're: three', 're: two']);
  const [stream] = a.streams.list();
  expect(stream).toMatchObject({ protocol: 'udp', source: '127.0.0.1:40000', bytesSent: 11, bytesReceived: 23 });
  expect(b.streams.list()).toMatchObject([{ direction: 'incoming', bytesSent: 23, bytesReceived: 11 }]);
  expect(failures).toEqual([]);
});

it.each(['a', 'b'] as const)('is refused by the gate of portal %s', async (portal) => {
  const { say, clients } = program();
  policies[portal] = { ...policies[portal], listeners: [], targets: [] };
  say('let me in');
  await until(() => failures.length > 0);
  await clients[0]?.closed;
  expect(failures.find(({ denied }) => denied)).toMatchObject({
    direction: portal === 'a' ? 'outgoing' : 'incoming',
    error: { code: 'policy_denied' },
  });
  expect(a.streams.size + b.streams.size).toBe(0);
});

it('is cut at both ends when the rule goes at one of them', async () => {
  const { say, clients } = program();
  say('hello');
  await until(() => b.streams.size === 1);
  policies.b = { ...policies.b, targets: [] };
  b.streams.recheck(policies.b, Date.now());
  await clients[0]?.closed;
  await until(() => a.streams.size === 0 && b.streams.size === 0);
});

it('outlives a target that is not there, and counts what nobody took', async () => {
  const { port } = target.address();
  target.close();
  const { say, heard } = program();
  await until(() => {
    say('anybody?');
    return b.drops.undeliverable > 0;
  });
  expect(a.streams.size).toBe(1);
  target = createSocket('udp4');
  target.on('message', (datagram, from) => target.send(datagram, from.port));
  target.bind(port, '127.0.0.1');
  await once(target, 'listening');
  await until(() => {
    say('now?');
    return heard.length > 0;
  });
  expect(failures).toEqual([]);
});
