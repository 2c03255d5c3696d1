import type { CircuitId, LegOffer, PortalCommand, PortalMessage, Transport } from '@netport/protocol';
import type { StoredIdentity } from '@netport/runtime';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { connectPortal, connectRelay, startTestServer, type TestServer, type TestSession } from '../../test/harness.js';

type PortalEnd = TestSession<PortalCommand, PortalMessage>;
type RelayEnd = Awaited<ReturnType<typeof connectRelay>>;

let server: TestServer;
let identities: Record<'a' | 'b' | 'c' | 'one' | 'two', StoredIdentity>;
let portals: Record<'a' | 'b' | 'c', PortalEnd>;
let relays: Record<string, RelayEnd>;

beforeAll(async () => {
  server = await startTestServer();
  identities = {
    a: await server.join('portal', 'a'),
    b: await server.join('portal', 'b'),
    c: await server.join('portal', 'c'),
    one: await server.join('relay', 'one'),
    two: await server.join('relay', 'two'),
  };
  // While nobody is online, nobody has to confirm them.
  for (const [from, port] of [
    ['a', 9001],
    ['c', 9002],
  ] as const) {
    await server.api('POST', '/pairs', {
      name: `${from}-b`,
      from: { portal: from, address: '127.0.0.1', port },
      to: { portal: 'b', address: '10.0.0.5', port: 80 },
    });
  }
});
afterAll(() => server.stop());

beforeEach(async () => {
  const { a, b, c, one, two } = identities;
  const connect = (identity: StoredIdentity) => connectPortal(server, identity);
  // First, so that the ends of circuits of the test before are told to nobody.
  relays = { one: await connectRelay(server, one), two: await connectRelay(server, two) };
  portals = { a: await connect(a), b: await connect(b), c: await connect(c) };
});
afterEach(async () => {
  const ends = [...Object.values(portals), ...Object.values(relays)];
  for (const { socket } of ends) socket.close();
  await Promise.all(ends.map((end) => end.ended()));
});

const ask = (
  from: 'a' | 'b' | 'c',
  to: 'a' | 'b',
  transport: Transport,
  more: { avoid?: string[]; replaces?: CircuitId },
) =>
  portals[from].send({
    type: 'circuit.request',
    id: 1,
    peer: identities[to].id,
    transport,
    avoid: [],
    ...more,
  } as never);

/** The legs of a circuit that was asked for, of both portals; joined, if its relay says so. */
async function offered(from: 'a' | 'c' = 'a'): Promise<[LegOffer, LegOffer]> {
  const offers = await Promise.all([portals[from].next('circuit.offer'), portals.b.next('circuit.offer')]);
  return [offers[0].leg, offers[1].leg];
}
const join = ({ relay, circuitId }: LegOffer): void => relays[relay]?.send({ type: 'circuit.joined', circuitId });

test('a UDP circuit is replaced on another relay: both legs say so, and the old one ends when the new one is joined', async () => {
  ask('a', 'b', 'udp', {});
  const [old] = await offered();
  expect(old.replaces).toBeUndefined();
  join(old);
  ask('a', 'b', 'udp', { replaces: old.circuitId, avoid: [old.relay] });
  const [client, other] = await offered();
  expect(client).toMatchObject({ role: 'client', replaces: old.circuitId, transport: 'udp' });
  expect(other).toMatchObject({ role: 'server', replaces: old.circuitId, circuitId: client.circuitId });
  expect(client.relay).not.toBe(old.relay);
  join(client);
  expect(await relays[old.relay]?.next('circuit.close')).toMatchObject({ circuitId: old.circuitId });
  // Nobody is told: the tunnel goes on.
  for (const portal of [portals.a, portals.b]) {
    expect(portal.received.filter(({ type }) => type === 'circuit.closed')).toEqual([]);
  }
});

test('one that its relay has ended can be replaced, and both portals are told of its end', async () => {
  ask('a', 'b', 'udp', {});
  const [{ circuitId, relay, ...old }] = await offered();
  join({ circuitId, relay, ...old });
  const counters = { circuitId, datapath: 'userspace', bytes: [1, 1] } as const;
  relays[relay]?.send({ type: 'circuit.ended', counters: { ...counters, bytes: [1, 1] }, code: 'draining' });
  for (const portal of [portals.a, portals.b]) {
    expect(await portal.next('circuit.closed')).toMatchObject({ circuitId, code: 'draining' });
  }
  ask('a', 'b', 'udp', { replaces: circuitId, avoid: [relay] });
  expect((await offered())[0].replaces).toBe(circuitId);
});

test('a relay that drains gets no circuit any more, and who asked for those that it has leaves them', async () => {
  ask('a', 'b', 'udp', {});
  const [leg] = await offered();
  join(leg);
  const other = leg.relay === 'one' ? 'two' : 'one';
  relays[leg.relay]?.send({ type: 'draining' });
  expect(await portals.a.next('circuit.leave')).toEqual({ type: 'circuit.leave', circuitId: leg.circuitId });
  // Not even where the other one has just failed.
  ask('c', 'b', 'tcp', { avoid: [other] });
  expect((await offered('c'))[0].relay).toBe(other);
  expect(relays[leg.relay]?.received.filter(({ type }) => type === 'circuit.close')).toEqual([]);
  expect(portals.b.received.filter(({ type }) => type === 'circuit.leave')).toEqual([]);

  relays[other]?.send({ type: 'draining' });
  await portals.c.next('circuit.leave');
  ask('c', 'b', 'udp', {});
  expect((await portals.c.next('error')).code).toBe('relay_unavailable');
});

test('a circuit that a portal could not take ends for both, and nobody else ends it', async () => {
  ask('a', 'b', 'udp', {});
  const [{ circuitId, relay }] = await offered();
  portals.c.send({ type: 'circuit.close', circuitId });
  // Answered in order: nothing came of what it said before.
  ask('c', 'a', 'udp', {});
  await portals.c.next('error');
  expect(relays[relay]?.received.filter(({ type }) => type === 'circuit.close')).toEqual([]);
  portals.b.send({ type: 'circuit.close', circuitId });
  expect(await relays[relay]?.next('circuit.close')).toMatchObject({ circuitId });
  for (const portal of [portals.a, portals.b]) {
    expect(await portal.next('circuit.closed')).toMatchObject({ circuitId, code: 'circuit_closed' });
  }
});

test('only the portal that asked for a circuit replaces it, with the same peer, while a pair permits', async () => {
  ask('a', 'b', 'udp', {});
  const [{ circuitId: replaces }] = await offered();
  const refusal = async (from: 'a' | 'b' | 'c') => (await portals[from].next('error')).code;
  ask('c', 'b', 'udp', { replaces });
  expect(await refusal('c')).toBe('not_found');
  ask('b', 'a', 'udp', { replaces });
  expect(await refusal('b')).toBe('policy_denied');
  ask('a', 'b', 'tcp', { replaces });
  expect(await refusal('a')).toBe('not_found');
  ask('a', 'b', 'udp', { replaces: '00000000-0000-4000-8000-000000000000' as CircuitId });
  expect(await refusal('a')).toBe('not_found');
  await server.api('DELETE', '/pairs/a-b');
  expect((await portals.b.next('circuit.closed')).code).toBe('policy_denied');
  ask('a', 'b', 'udp', { replaces });
  expect(await refusal('a')).toBe('policy_denied');
});
