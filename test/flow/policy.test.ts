import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import type { Socket } from 'node:net';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  type AuditEventView,
  decodeMessage,
  encodePreamble,
  encodeStreamHead,
  fromBase64Url,
  type LegOffer,
  type PairView,
  type PortalCommand,
  type PortalMessage,
  portalCommandSchema,
  readyMarkBytes,
  type SpiffeId,
  type StreamView,
} from '@netport/protocol';
import {
  type ControlSession,
  loadIdentity,
  openControlSession,
  openDataDirectory,
  type StoredIdentity,
} from '@netport/runtime';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  deferred,
  dial,
  ending,
  exchange,
  freePort,
  listenerClosed,
  Overlay,
  startEcho,
  type Target,
  waitFor,
} from '../harness/index.js';

describe('default deny', () => {
  let overlay: Overlay;
  let target: Target;
  beforeAll(async () => {
    overlay = await Overlay.start({ portals: ['a', 'b', 'c'], portalArgs: ['--transport', 'tcp'] });
    target = await startEcho();
  });
  afterAll(async () => {
    await overlay?.stop();
    await target?.close();
  });

  const audit = (action: string, count = 1): Promise<AuditEventView[]> =>
    waitFor(`${count} audit event(s) ${action}`, async () => {
      const events = await overlay.cli<AuditEventView[]>(['audit', '--action', action]);
      return events.length >= count && events;
    });

  it('a removed pair ends its stream on both ends, and refuses the next connection', async () => {
    const [port, other] = [await freePort(), await freePort()];
    await overlay.addPair('gone', `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);
    await overlay.addPair('stays', `a:127.0.0.1:${other}`, `b:127.0.0.1:${target.port}`);
    const cut = await dial(port);
    expect(await exchange(cut, 'cut')).toBe('cut');
    const atTarget = target.connections.at(-1) as Socket;
    const kept = await dial(other);
    expect(await exchange(kept, 'kept')).toBe('kept');

    const endings = Promise.all([ending(cut), ending(atTarget)]);
    await overlay.admin(['pair', 'rm', 'gone']);
    expect(await endings).toEqual(['reset', 'reset']);
    await listenerClosed(port);
    expect(await exchange(kept, 'undisturbed'), 'the other pair').toBe('undisturbed');
    kept.destroy();
  });

  it('a disabled pair, and one that has expired, carry nothing', async () => {
    const port = await freePort();
    await overlay.addPair('switch', `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);
    const socket = await dial(port);
    expect(await exchange(socket, 'on')).toBe('on');
    await overlay.admin(['pair', 'disable', 'switch']);
    expect(await ending(socket)).toBe('reset');
    await overlay.pairState('switch', 'disabled');
    await overlay.admin(['pair', 'enable', 'switch']);
    await waitFor('the listener to be back', async () => exchange(await dial(port), 'on again'));

    const brief = await freePort();
    await overlay.addPair('brief', `a:127.0.0.1:${brief}`, `b:127.0.0.1:${target.port}`);
    const last = await dial(brief);
    expect(await exchange(last, 'in time')).toBe('in time');
    // Only now: nothing above has to be quick. An edit of this alone cuts nothing.
    await overlay.admin(['pair', 'edit', 'brief', '--expires', '1s']);
    expect(await ending(last)).toBe('reset');
    await overlay.pairState('brief', 'expired');
    await listenerClosed(brief);
  });

  it('ls streams shows what really runs', async () => {
    const port = await freePort();
    await overlay.addPair('shown', `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);
    const socket = await dial(port);
    expect(await exchange(socket, '12345')).toBe('12345');
    const streams = await overlay.cli<StreamView[]>(['ls', 'streams']);
    expect(streams.find(({ pair }) => pair === 'shown')).toMatchObject({
      from: 'a',
      to: 'b',
      transport: 'tcp',
      source: `127.0.0.1:${socket.localPort}`,
      target: `127.0.0.1:${target.port}`,
      bytesSent: 5,
      bytesReceived: 5,
    });
    socket.destroy();
  });

  describe('to a portal that does not keep to the rules', () => {
    let identity: StoredIdentity;
    let session: ControlSession<PortalCommand, PortalMessage>;
    let allowed: PairView;
    let foreign: PairView;

    /** Portal c's own key and certificate, in the hands of a program that does what it likes. */
    beforeAll(async () => {
      allowed = await overlay.addPair('c-to-b', `c:127.0.0.1:${await freePort()}`, `b:127.0.0.1:${target.port}`);
      foreign = await overlay.addPair('a-to-b', `a:127.0.0.1:${await freePort()}`, `b:127.0.0.1:${target.port}`);
      const { process, directory } = overlay.portal('c');
      await process.stop('SIGKILL');
      const data = await openDataDirectory(directory);
      const loaded = await loadIdentity(data);
      await data.close();
      if (!loaded) throw new Error('portal c has no identity');
      identity = loaded;
      const up = deferred<void>();
      session = openControlSession<PortalCommand, PortalMessage>({
        identity: () => identity,
        trust: () => ({ rootPems: [identity.rootPem] }),
        hello: () => ({ type: 'hello', version: 'test', policyVersion: 0 }),
        decode: (text) => decodeMessage<PortalCommand>(portalCommandSchema, text),
        onMessage: () => {},
        onUp: up.resolve,
        log: pino({ level: 'silent' }),
      });
      await up.promise;
    });
    afterAll(() => session?.close());

    const spiffe = (name: string) => `spiffe://${identity.trustDomain}/portal/${name}` as SpiffeId;
    const askFor = (peer: string) =>
      session.request<Extract<PortalCommand, { type: 'circuit.offer' }>>({
        type: 'circuit.request',
        peer: spiffe(peer),
        transport: 'tcp',
        avoid: [],
      });

    it('no circuit without a pair, and the attempt is audited', async () => {
      await expect(askFor('a')).rejects.toMatchObject({ code: 'policy_denied' });
      await expect(askFor('nobody')).rejects.toMatchObject({ code: expect.stringMatching(/policy_denied|not_found/) });
      const [event] = await audit('circuit.deny', 2);
      expect(event).toMatchObject({ actor: spiffe('c'), code: 'policy_denied' });
    });

    it("another portal's pair is refused by the OTHER portal's gate", async () => {
      const { leg } = await askFor('b');
      const tls = await meet(leg, identity);
      const http2 = connectHttp2('http://tunnel', { createConnection: () => tls });
      const open = async (pair: PairView) => {
        const stream = http2.request(encodeStreamHead({ pair: pair.id, protocol: 'tcp', source: '127.0.0.1:1' }));
        stream.on('error', () => stream.close());
        const [headers] = await once(stream, 'response');
        return headers as Record<string, unknown>;
      };
      expect(await open(foreign)).toMatchObject({ ':status': 403, 'netport-code': 'policy_denied' });
      expect(await open(allowed)).toMatchObject({ ':status': 200 });
      const [event] = await audit('stream.denied');
      expect(event).toMatchObject({ actor: spiffe('b'), code: 'policy_denied' });
      http2.destroy();
    });

    it('a leg is bound with its own token, once', async () => {
      const { leg } = await askFor('b');
      const wrong = connectTcp(leg.port, leg.host).on('error', () => {});
      wrong.write(encodePreamble({ circuitId: leg.circuitId, token: new Uint8Array(32) }));
      expect(await ending(wrong)).not.toBe('ready');
      const tls = await meet(leg, identity);
      expect(tls.authorized).toBe(true);
      tls.destroy();
    });
  });
});

/** A portal's client side of a tunnel, from docs/protocol.md and nothing else. */
async function meet(leg: LegOffer, identity: StoredIdentity) {
  const socket = connectTcp(leg.port, leg.host);
  socket.write(encodePreamble({ circuitId: leg.circuitId, token: fromBase64Url(leg.token) }));
  let mark: Buffer | null = null;
  while (mark === null) {
    await once(socket, 'readable');
    mark = socket.read(readyMarkBytes) as Buffer | null;
  }
  const tls = connectTls({
    socket,
    key: identity.keyPem,
    cert: identity.chainPem,
    ca: identity.rootPem,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['h2'],
    checkServerIdentity: () => undefined,
  });
  await once(tls, 'secureConnect');
  return tls;
}
