import { X509Certificate } from 'node:crypto';
import { parseCrl, verifyPeer } from '@netport/pki';
import { limits, type PolicyDocument, policyDocumentSchema, type SpiffeId } from '@netport/protocol';
import type { StoredIdentity } from '@netport/runtime';
import { compactVerify, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  connectPortal,
  connectRelay,
  openSocket,
  startTestServer,
  type TestServer,
  TestSession,
  temporaryDirectory,
  waitFor,
} from '../../test/harness.js';

let server: TestServer;
let a: StoredIdentity;
let b: StoredIdentity;
let relay: StoredIdentity;
beforeAll(async () => {
  server = await startTestServer();
  a = await server.join('portal', 'a');
  b = await server.join('portal', 'b');
  relay = await server.join('relay', 'r');
});
afterAll(() => server.stop());

const addPair = (name: string, port: number, change: object = {}) =>
  server.api('POST', '/pairs', {
    name,
    from: { portal: 'a', address: '127.0.0.1', port },
    to: { portal: 'b', address: '10.0.0.5', port: 80 },
    ...change,
  });

/** What a portal does with a policy: chain, signature, content. */
async function openPolicy(jws: string, from: TestServer = server): Promise<PolicyDocument> {
  const chain = (decodeProtectedHeader(jws).x5c ?? []).map((der) => Buffer.from(der, 'base64'));
  const trust = { rootPems: [from.rootPem] };
  verifyPeer({ chain, trust, now: new Date(), usage: 'any', expect: { kind: 'control', trustDomain: a.trustDomain } });
  const { payload } = await compactVerify(jws, new X509Certificate(chain[0] ?? '').publicKey);
  return policyDocumentSchema.parse(JSON.parse(new TextDecoder().decode(payload)));
}

test('a session begins with welcome, revocation list and policy', async () => {
  const session = await connectPortal(server, a);
  const { der } = await session.next('crl');
  expect(parseCrl(Buffer.from(der, 'base64'), [a.chainPem]).serials.size).toBe(0);
  const policy = await openPolicy((await session.next('policy')).jws);
  expect(policy).toMatchObject({ portal: 'a', trustDomain: 'netport.internal', listeners: [], targets: [] });
  session.socket.close();
});

test('a change reaches the portals that it concerns, and a repeated one nobody', async () => {
  const [left, right] = await Promise.all([connectPortal(server, a), connectPortal(server, b)]);
  const start = await openPolicy((await left.next('policy')).jws);
  await right.next('policy');
  const at = performance.now();
  await addPair('pushed', 9001);
  const [one, two] = await Promise.all([left.next('policy'), right.next('policy')]);
  expect(performance.now() - at).toBeLessThan(10_000);
  const [listening, dialling] = [await openPolicy(one.jws), await openPolicy(two.jws)];
  expect(listening.version).toBeGreaterThan(start.version);
  expect(listening.listeners).toMatchObject([{ name: 'pushed', peer: b.id, address: '127.0.0.1', port: 9001 }]);
  expect(dialling.targets).toMatchObject([{ name: 'pushed', peer: a.id, address: '10.0.0.5', port: 80 }]);

  await server.api('PATCH', '/pairs/pushed', { enabled: true });
  await server.api('DELETE', '/pairs/pushed');
  expect((await openPolicy((await left.next('policy')).jws)).listeners).toEqual([]);
  left.socket.close();
  right.socket.close();
});

test('an expired pair is taken back without anybody asking', async () => {
  const left = await connectPortal(server, a);
  await left.next('policy');
  await addPair('brief', 9002);
  const listeners = async () => (await openPolicy((await left.next('policy')).jws)).listeners;
  expect(await listeners()).toHaveLength(1);
  const expiresAt = new Date(Date.now() + 2000).toISOString();
  expect((await server.api('PATCH', '/pairs/brief', { expiresAt })).json).toMatchObject({ expiresAt });
  expect(await listeners()).toMatchObject([{ expiresAt }]);
  expect(await listeners()).toEqual([]);
  expect((await server.api('GET', '/pairs/brief')).json).toMatchObject({
    state: 'expired',
    error: { code: 'pair_expired' },
  });
  expect((await server.api('GET', '/audit?action=pair.expire')).json.items).toMatchObject([{ subject: 'brief' }]);
  await server.api('DELETE', '/pairs/brief');
  left.socket.close();
});

test('pair state follows the sessions and what they report', async () => {
  const pair = (await addPair('watched', 9003)).json;
  const state = async () => (await server.api('GET', '/pairs/watched')).json;
  expect(await state()).toMatchObject({ state: 'peer_offline', error: { code: 'peer_offline' } });
  const [left, right] = await Promise.all([connectPortal(server, a), connectPortal(server, b)]);
  expect(await state()).toMatchObject({ state: 'active', error: null });
  left.send({ type: 'listeners', version: 7, failed: [{ pair: pair.id, code: 'address_in_use', message: 'taken' }] });
  await waitFor('the failed listener', async () => (await state()).state === 'listener_failed');
  expect((await state()).error).toEqual({ code: 'address_in_use', message: 'taken' });
  expect((await server.api('GET', '/portals/a')).json).toMatchObject({
    online: true,
    version: 'test',
    policyVersion: 7,
  });
  left.socket.close();
  right.socket.close();
  await waitFor('both to be offline', async () => (await state()).state === 'peer_offline');
  await server.api('DELETE', '/pairs/watched');
});

test('who has no good certificate gets no session', async () => {
  await expect(openSocket(server, {})).rejects.toMatchObject({ status: 401, body: { code: 'cert_missing' } });
  const other = await startTestServer();
  const stranger = await other.join('portal', 'a');
  await expect(openSocket(server, { identity: stranger })).rejects.toMatchObject({
    status: 403,
    body: { code: 'cert_untrusted' },
  });
  await other.stop();
  await expect(openSocket(server, { identity: a, subprotocol: 'netport.v9' })).rejects.toMatchObject({
    body: { code: 'protocol_error' },
  });
  const { items } = (await server.api('GET', '/audit?action=session.deny')).json;
  const denials = items.map(({ actor, code }: { actor: string; code: string }) => [actor, code]);
  expect(denials).toEqual([
    ['anonymous', 'protocol_error'],
    ['anonymous', 'cert_untrusted'],
    ['anonymous', 'cert_missing'],
  ]);
});

test('the first message must be hello', async () => {
  const session = new TestSession(await openSocket(server, { identity: a }));
  session.send({ type: 'relay.rtt', rttMs: {} });
  expect(await session.ended()).toMatchObject({ code: 1008, reason: expect.stringMatching(/^protocol_error/) });
});

test('without hello a session ends', async () => {
  const session = new TestSession(await openSocket(server, { identity: a }));
  expect((await session.ended()).reason).toMatch(/^protocol_error: no hello/);
});

test('messages that are none are answered with an error, and the session goes on', async () => {
  const session = await connectPortal(server, a);
  session.socket.send('{"type":"dance","id":5}');
  expect(await session.next('error')).toMatchObject({ id: 5, code: 'unknown_message' });
  session.socket.send('no json');
  expect(await session.next('error')).toMatchObject({ code: 'protocol_error' });
  session.socket.send(Buffer.from('{}'), { binary: true });
  expect(await session.next('error')).toMatchObject({ code: 'protocol_error' });
  session.send({ type: 'circuit.request', id: 1, peer: b.id, transport: 'tcp', avoid: [] });
  expect(await session.next('error')).toMatchObject({ id: 1, code: 'policy_denied' });
  session.socket.close();
});

test('a flood and an oversize message end the session', async () => {
  const flooding = await connectPortal(server, a);
  for (let i = 0; i <= limits.controlMessagesPerSecond * 11; i += 1) flooding.send({ type: 'relay.rtt', rttMs: {} });
  expect((await flooding.ended()).reason).toMatch(/^rate_limited/);
  const large = await connectPortal(server, a);
  large.socket.send('x'.repeat(limits.controlMessageBytes + 1));
  expect((await large.ended()).code).toBe(1009);
});

test('a newer session takes the place of the older one', async () => {
  const older = await connectPortal(server, a);
  const newer = await connectPortal(server, a);
  expect(await older.ended()).toMatchObject({ code: 4009, reason: expect.stringMatching(/newer session/) });
  expect((await server.api('GET', '/portals/a')).json.online).toBe(true);
  newer.socket.close();
});

test('revocation ends the session, reaches the others, and keeps the certificate out; a new token lets it back in', async () => {
  const victim = await server.join('portal', 'victim');
  const [session, witness] = await Promise.all([connectPortal(server, victim), connectRelay(server, relay)]);
  await witness.next('crl');
  await server.api('POST', '/portals/victim/revoke');
  expect(await session.ended()).toMatchObject({ code: 4003, reason: expect.stringMatching(/^cert_revoked/) });
  const { der } = await witness.next('crl');
  expect(parseCrl(Buffer.from(der, 'base64'), [a.chainPem]).serials.size).toBe(1);
  await expect(openSocket(server, { identity: victim })).rejects.toMatchObject({ body: { code: 'cert_revoked' } });

  expect((await server.api('POST', '/portals/victim/tokens', {})).status).toBe(201);
  await server.api('DELETE', '/portals/victim');
  const back = await server.join('portal', 'victim');
  (await connectPortal(server, back)).socket.close();
  await expect(openSocket(server, { identity: victim })).rejects.toMatchObject({ body: { code: 'cert_revoked' } });
  witness.socket.close();
});

test('a circuit: allocated on a relay, offered to both, counted, ended, written down', async () => {
  const pair = (await addPair('carried', 9004)).json;
  const [left, right, third] = await Promise.all([
    connectPortal(server, a),
    connectPortal(server, b),
    connectRelay(server, relay),
  ]);
  expect((await left.next('relays')).relays).toEqual([{ relay: 'r', host: '127.0.0.1', port: 39_999 }]);

  left.send({ type: 'circuit.request', id: 11, peer: b.id, transport: 'tcp', avoid: [] });
  left.send({ type: 'circuit.request', id: 12, peer: b.id, transport: 'tcp', avoid: [] });
  const [first, second, other] = [
    await left.next('circuit.offer'),
    await left.next('circuit.offer'),
    await right.next('circuit.offer'),
  ];
  expect([first.id, second.id, other.id]).toEqual([11, 12, undefined]);
  expect(second.leg).toEqual(first.leg);
  expect(first.leg).toMatchObject({ peer: b.id, role: 'client', relay: 'r', host: '127.0.0.1', port: 40_000 });
  expect(other.leg).toMatchObject({ peer: a.id, role: 'server', port: 40_001, circuitId: first.leg.circuitId });
  const open = await third.next('circuit.open');
  expect(open.tokens).toEqual([first.leg.token, other.leg.token]);

  const { circuitId } = open;
  third.send({ type: 'circuit.joined', circuitId });
  const listing = server.api('GET', '/circuits');
  await third.next('report');
  third.send({ type: 'counters', circuits: [{ circuitId, datapath: 'xdp', bytes: [100, 7], packets: [3, 2] }] });
  expect((await listing).json.items).toMatchObject([
    {
      id: circuitId,
      from: 'a',
      to: 'b',
      relay: 'r',
      state: 'joined',
      ports: [40_000, 40_001],
      bytesSent: 100,
      bytesReceived: 7,
      datapath: 'xdp',
      packetsSent: 3,
      packetsReceived: 2,
    },
  ]);

  await server.api('DELETE', `/pairs/${pair.name}`);
  for (const portal of [left, right]) {
    expect(await portal.next('circuit.closed')).toMatchObject({ circuitId, code: 'policy_denied' });
  }
  await third.next('circuit.close');
  third.send({
    type: 'circuit.ended',
    code: 'circuit_closed',
    counters: { circuitId, datapath: 'userspace', bytes: [120, 9] },
  });
  const ended = await waitFor('the audit event', async () => {
    const { items } = (await server.api('GET', `/audit?action=circuit.end&subject=${circuitId}`)).json;
    return items[0];
  });
  expect(ended).toMatchObject({
    code: 'policy_denied',
    detail: { from: 'a', to: 'b', bytesSent: 120, bytesReceived: 9 },
  });
  for (const { socket } of [left, right, third]) socket.close();
});

test('a circuit that is not needed after all ends for both, when one of its portals says so', async () => {
  await addPair('given-up', 9007);
  const [left, right, third] = await Promise.all([
    connectPortal(server, a),
    connectPortal(server, b),
    connectRelay(server, relay),
  ]);
  left.send({ type: 'circuit.request', id: 1, peer: b.id, transport: 'udp', avoid: [] });
  const { circuitId } = (await right.next('circuit.offer')).leg;
  left.send({ type: 'circuit.close', circuitId });
  expect(await third.next('circuit.close')).toMatchObject({ circuitId });
  for (const portal of [left, right]) {
    expect(await portal.next('circuit.closed')).toMatchObject({ circuitId, code: 'circuit_closed' });
  }
  for (const { socket } of [left, right, third]) socket.close();
  await server.api('DELETE', '/pairs/given-up');
});

test('circuits that nobody may have, or that cannot be made, are refused and written down', async () => {
  await addPair('one-way', 9005);
  const [left, right] = await Promise.all([connectPortal(server, a), connectPortal(server, b)]);
  const ask = async (session: typeof left, peer: SpiffeId) => {
    session.send({ type: 'circuit.request', id: 1, peer, transport: 'tcp', avoid: [] });
    return (await session.next('error')).code;
  };
  expect(await ask(right, a.id)).toBe('policy_denied');
  expect(await ask(left, 'spiffe://netport.internal/relay/r' as SpiffeId)).toBe('policy_denied');
  await waitFor(
    'the relay of earlier tests to be gone',
    async () => !(await server.api('GET', '/relays/r')).json.online,
  );
  expect(await ask(left, b.id)).toBe('relay_unavailable');
  right.socket.close();
  await waitFor('b to be gone', async () => !(await server.api('GET', '/portals/b')).json.online);
  expect(await ask(left, b.id)).toBe('peer_offline');
  const { items } = (await server.api('GET', '/audit?action=circuit.deny&limit=4')).json;
  expect(items.map(({ code }: { code: string }) => code)).toEqual([
    'peer_offline',
    'relay_unavailable',
    'policy_denied',
    'policy_denied',
  ]);
  expect(items[3].actor).toBe(b.id);
  left.socket.close();
  await server.api('DELETE', '/pairs/one-way');
});

test('a relay that refuses is passed over for the next', async () => {
  await addPair('second-try', 9006);
  const full = await server.join('relay', 'full');
  const refusing = new TestSession(await openSocket(server, { identity: full }));
  refusing.socket.on('message', (data) => {
    const message = JSON.parse(data.toString());
    if (message.type === 'circuit.open')
      refusing.send({ type: 'error', id: message.id, code: 'limit_exceeded', message: 'full' });
  });
  refusing.send({
    type: 'hello',
    version: 't',
    address: '::1',
    probePort: 1,
    capacity: 1000,
    datapath: 'userspace',
    circuits: [],
  });
  const [left, right, third] = await Promise.all([
    connectPortal(server, a),
    connectPortal(server, b),
    connectRelay(server, relay),
  ]);
  left.send({ type: 'relay.rtt', rttMs: { full: 1, r: 50 } as never });
  right.send({ type: 'relay.rtt', rttMs: { full: 1, r: 50 } as never });
  left.send({ type: 'circuit.request', id: 1, peer: b.id, transport: 'tcp', avoid: [] });
  expect((await left.next('circuit.offer')).leg.relay).toBe('r');
  for (const { socket } of [left, right, third, refusing]) socket.close();
  await server.api('DELETE', '/relays/full');
  await server.api('DELETE', '/pairs/second-try');
});

test('a relay that comes back keeps what it lists; the rest has ended', async () => {
  await addPair('kept', 9007);
  const [left, right, before] = await Promise.all([
    connectPortal(server, a),
    connectPortal(server, b),
    connectRelay(server, relay),
  ]);
  const ids = [];
  for (const id of [1, 2]) {
    left.send({ type: 'circuit.request', id, peer: b.id, transport: 'tcp', avoid: [] });
    ids.push((await left.next('circuit.offer')).leg.circuitId);
  }
  before.socket.close();
  const [kept, lost] = ids;
  const unknown = '00000000-0000-4000-8000-000000000000';
  const after = await connectRelay(server, relay, { circuits: [kept, unknown] as never });
  expect(await after.next('circuit.close')).toMatchObject({ circuitId: unknown });
  const listing = server.api('GET', '/circuits');
  await after.next('report');
  after.send({ type: 'counters', circuits: [] });
  expect((await listing).json.items.map(({ id }: { id: string }) => id)).toEqual([kept]);
  const { items } = await waitFor('the audit event', async () => {
    const { json } = await server.api('GET', `/audit?action=circuit.end&subject=${lost}`);
    return json.items.length > 0 && json;
  });
  expect(items[0].code).toBe('circuit_closed');
  for (const { socket } of [left, right, after]) socket.close();
  await server.api('DELETE', '/pairs/kept');
});

test('what portals report is written down, but not without end', async () => {
  const left = await connectPortal(server, a);
  const event = {
    type: 'event',
    action: 'stream.denied',
    code: 'policy_denied',
    message: 'no',
    peer: b.id,
    at: new Date().toISOString(),
  } as const;
  const many = limits.auditEventsPerMinute + 50;
  for (let i = 0; i < many; i += 1) left.send(event);
  left.send({ type: 'circuit.request', id: 1, peer: b.id, transport: 'tcp', avoid: [] });
  await left.next('error');
  const { items } = (await server.api('GET', '/audit?action=stream.denied&limit=1000')).json;
  expect(items[0]).toMatchObject({ actor: a.id, code: 'policy_denied', subject: b.id });
  expect(items.length).toBeLessThan(many);
  left.socket.close();
});

test('what a portal says of a pair is found by the name of the pair and by its id, and still when it is gone', async () => {
  const left = await connectPortal(server, a);
  const granted = (await addPair('failing', 9400)).json;
  await left.next('policy');
  const failed = {
    type: 'event',
    action: 'stream.failed',
    code: 'dns_failed',
    message: 'no',
    pair: granted.id,
  } as const;
  const found = async (pair: string, count: number) =>
    waitFor(`${count} events of ${pair}`, async () => {
      const { items } = (await server.api('GET', `/audit?action=stream.failed&pair=${pair}`)).json;
      return items.length === count && items;
    });
  left.send({ ...failed, at: new Date().toISOString() });
  expect(await found('failing', 1)).toMatchObject([{ subject: granted.id, detail: { pair: 'failing' } }]);
  await server.api('DELETE', '/pairs/failing');
  left.send({ ...failed, at: new Date().toISOString() });
  await found('failing', 2);
  await found(granted.id, 2);
  await found('other', 0);
  left.socket.close();
});

test('tunnels and streams are asked for, and one silent portal does not hold up the rest', async () => {
  const [left, right] = await Promise.all([connectPortal(server, a), connectPortal(server, b)]);
  const since = new Date().toISOString();
  left.socket.on('message', (data) => {
    const message = JSON.parse(data.toString());
    if (message.type !== 'inspect') return;
    const tunnel = {
      peer: b.id,
      role: 'client',
      transport: 'tcp',
      path: 'relayed',
      relay: 'r',
      circuitId: '00000000-0000-4000-8000-000000000000',
      streams: 0,
      bytesSent: 1,
      bytesReceived: 2,
      since,
    };
    left.send({ type: 'inspection', id: message.id, tunnels: [tunnel], streams: [] } as never);
  });
  expect((await server.api('GET', '/tunnels')).json.items).toMatchObject([{ from: 'a', to: 'b', bytesSent: 1 }]);
  expect((await server.api('GET', '/streams')).json.items).toEqual([]);
  left.socket.close();
  right.socket.close();
});

test('a probe is asked of one portal, which a portal that does not know it refuses', async () => {
  const left = await connectPortal(server, a);
  left.socket.on('message', (data) => {
    const message = JSON.parse(data.toString());
    if (message.type !== 'probe') return;
    left.send({ type: 'error', id: message.id, code: 'unknown_message', message: 'unknown type probe' });
  });
  const endpoint = (portal: string) => ({ portal, address: '127.0.0.1', port: 9009 });
  await server.api('POST', '/pairs', { name: 'tried', from: endpoint('a'), to: endpoint('b') });
  const question = { portal: 'a', address: '127.0.0.1', port: 9009 };
  const { json } = await server.api('POST', '/explain', question);
  expect(json).toMatchObject({ verdict: 'broken', pair: 'tried', cause: { code: 'peer_offline' } });
  expect(json.hops.find(({ hop }: { hop: string }) => hop === 'tunnel').message).toMatch(/too old to try it/);
  await server.api('DELETE', '/pairs/tried');
  left.socket.close();
});

test('a request of a portal is none of its answers, though both ends count from one', async () => {
  const left = await connectPortal(server, a);
  const probed = new Promise<void>((resolve) => {
    left.socket.on('message', (data) => {
      const message = JSON.parse(data.toString());
      if (message.type !== 'probe') return;
      left.send({ type: 'circuit.request', id: message.id, peer: b.id, transport: 'tcp', avoid: [] });
      left.send({ type: 'probed', id: message.id, message: 'the tunnel to b', ms: 1 });
      resolve();
    });
  });
  const endpoint = (portal: string) => ({ portal, address: '127.0.0.1', port: 9010 });
  await server.api('POST', '/pairs', { name: 'counted', from: endpoint('a'), to: endpoint('b') });
  const [{ json }] = await Promise.all([
    server.api('POST', '/explain', { portal: 'a', address: '127.0.0.1', port: 9010 }),
    probed,
  ]);
  expect(json.hops.find(({ hop }: { hop: string }) => hop === 'tunnel').message).toMatch(
    /^the tunnel to b was reached/,
  );
  // B is offline: the request was read as one, and refused.
  expect(await left.next('error')).toMatchObject({ code: 'peer_offline' });
  await server.api('DELETE', '/pairs/counted');
  left.socket.close();
});

test('circuits survive a restart of the control server: those that their relay still lists', async () => {
  const data = await temporaryDirectory();
  const first = await startTestServer({ data: data.path });
  const [one, two, third] = [
    await first.join('portal', 'a'),
    await first.join('portal', 'b'),
    await first.join('relay', 'r'),
  ];
  const endpoint = (portal: string) => ({ portal, address: '127.0.0.1', port: 9008 });
  await first.api('POST', '/pairs', { name: 'lasting', from: endpoint('a'), to: endpoint('b') });
  const left = await connectPortal(first, one);
  await connectPortal(first, two);
  await connectRelay(first, third);
  left.send({ type: 'circuit.request', id: 1, peer: two.id, transport: 'tcp', avoid: [] });
  const { circuitId } = (await left.next('circuit.offer')).leg;
  const { version } = await openPolicy((await left.next('policy')).jws, first);
  await first.drain(0);
  expect(await left.ended()).toMatchObject({ code: 1001, reason: expect.stringMatching(/^draining/) });

  const second = await startTestServer({ data: data.path });
  const again = await connectPortal(second, one);
  expect((await openPolicy((await again.next('policy')).jws, second)).version).toBeGreaterThanOrEqual(version);
  const relayAgain = await connectRelay(second, third, { circuits: [circuitId] });
  relayAgain.send({
    type: 'circuit.ended',
    code: 'tunnel_lost',
    counters: { circuitId, datapath: 'userspace', bytes: [5, 6] },
  });
  const headers = { authorization: `Bearer ${first.token}` };
  const event = await waitFor('the audit event', async () => {
    const { json } = await second.http('GET', `/api/v1/audit?action=circuit.end&subject=${circuitId}`, { headers });
    return json.items[0];
  });
  expect(event).toMatchObject({ code: 'tunnel_lost', detail: { relay: 'r', bytesSent: 5, bytesReceived: 6 } });
  await second.stop();
  await first.stop();
  await data.remove();
});
