import { Transform } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { NewToken } from '@netport/protocol';
import { loadIdentity, openDataDirectory, queryStatus } from '@netport/runtime';
import { describe, expect, it, type TestContext } from 'vitest';
import {
  deferred,
  dial,
  ending,
  endingForOthers,
  exchange,
  freePort,
  type Member,
  Overlay,
  type OverlayOptions,
  receivePayload,
  runCommand,
  scripts,
  sendPayload,
  startEcho,
  startTarget,
  waitFor,
} from '../harness/index.js';

const mib = 1024 ** 2;
/** A certificate is renewed while seven seconds of it are left, for as long may a machine stand still. */
const controlArgs = ['--certificate-lifetime', '30s'];
/** What is promised; it takes some tens of milliseconds. */
const revocationBound = 2000;

/** An overlay for one test. */
async function startOverlay({ onTestFinished }: TestContext, options: OverlayOptions): Promise<Overlay> {
  const overlay = await Overlay.start(options);
  onTestFinished(() => overlay.stop());
  return overlay;
}

interface Status {
  certificateExpiresAt: string;
  tunnels: { circuitId: string }[];
  circuits: number;
}
const statusOf = async ({ directory }: Member): Promise<Status> => (await queryStatus(directory)) as Status;

/** Half of a transfer as fast as it goes, then a little at a time until `done`, then the rest. */
function throttle(half: number, done: Promise<unknown>): Transform {
  let passed = 0;
  let slow = true;
  void done.finally(() => {
    slow = false;
  });
  return new Transform({
    transform: (chunk: Buffer, _encoding, next) => {
      passed += chunk.length;
      const wait = slow && passed > half ? Promise.race([done, pause(20)]) : Promise.resolve();
      wait.then(() => next(null, chunk), next);
    },
  });
}

// This and the next at once: they mostly wait for certificates to expire.
describe.concurrent.each([
  { transport: 'tcp', size: 1024 * mib },
  // QUIC costs several times the CPU for each byte.
  { transport: 'quic', size: 256 * mib },
])('certificates are renewed over $transport', ({ transport, size }) => {
  it('under a transfer that goes on, and what is dialled later uses the new ones', async (context) => {
    const overlay = await startOverlay(context, { controlArgs, portalArgs: ['--transport', transport] });
    const members = [overlay.portal('a'), overlay.portal('b'), overlay.relay('relay-1')];
    const expiries = () => Promise.all(members.map(async (member) => (await statusOf(member)).certificateExpiresAt));
    const circuits = async () => (await statusOf(overlay.portal('a'))).tunnels.map(({ circuitId }) => circuitId);

    const received = deferred<{ bytes: number; sha256: string }>();
    const sink = await startTarget((socket) => void receivePayload(socket).then(received.resolve, received.reject));
    const echo = await startEcho();
    const [port, echoPort] = [await freePort(), await freePort()];
    await overlay.addPair('transfer', `a:127.0.0.1:${port}`, `b:127.0.0.1:${sink.port}`);
    await overlay.addPair('later', `a:127.0.0.1:${echoPort}`, `b:127.0.0.1:${echo.port}`);

    const first = await expiries();
    const renewed = waitFor(
      'all three to renew',
      async () => (await expiries()).every((at, i) => at !== first[i]),
      60_000,
    );
    const throttled = throttle(size / 2, renewed);
    const socket = await dial(port);
    throttled.pipe(socket);
    const sending = sendPayload(throttled, 1, size);
    const began = await waitFor('a tunnel', async () => (await circuits()).length > 0 && circuits());
    await renewed;
    const sha256 = await sending;
    throttled.end();
    expect(await received.promise).toEqual({ bytes: size, sha256 });
    expect(await circuits()).toEqual(began);

    // Now the certificates that all of them began with are good for nothing.
    const expired = Math.max(...first.map((at) => Date.parse(at)));
    await waitFor('the first certificates to expire', () => Date.now() > expired, 60_000);
    const b = overlay.portal('b');
    await b.process.stop('SIGTERM');
    await b.start();
    const later = await dial(echoPort);
    expect(await exchange(later, 'with the new ones')).toBe('with the new ones');
    expect(await circuits()).not.toEqual(began);
    later.destroy();
    await Promise.all([sink.close(), echo.close()]);
  }, 300_000);
});

it.concurrent('a portal that was off until its certificate expired comes back by a new token, with its access pairs', async (context) => {
  const overlay = await startOverlay(context, { controlArgs });
  const echo = await startEcho();
  const port = await freePort();
  await overlay.addPair('kept', `a:127.0.0.1:${port}`, `b:127.0.0.1:${echo.port}`);
  const b = overlay.portal('b');
  await b.process.stop('SIGTERM');
  const directory = await openDataDirectory(b.directory);
  const expired = await loadIdentity(directory);
  await directory.close();
  await waitFor('its certificate to expire', () => expired && new Date() > expired.notAfter, 60_000);

  const { token } = await overlay.cli<NewToken>(['portal', 'token', 'b']);
  const args = ['enroll', token, '--data', b.directory];
  const { code, stdout } = await runCommand({ name: 'enroll', script: scripts.portal, args });
  expect([code, stdout.trim()]).toEqual([0, expired?.id]);
  await b.start();
  const socket = await dial(port);
  expect(await exchange(socket, 'back again')).toBe('back again');
  socket.destroy();
  await echo.close();
}, 300_000);

describe.each(['tcp', 'quic'])('a revocation in the middle of a transfer over %s', (transport) => {
  let overlay: Overlay;
  /** Bytes without end, from B to A. */
  const startTransfer = async (context: TestContext) => {
    overlay = await startOverlay(context, { portalArgs: ['--transport', transport] });
    const source = await startTarget((socket) => void sendPayload(socket, 2, Number.MAX_SAFE_INTEGER).catch(() => {}));
    const port = await freePort();
    await overlay.addPair('endless', `a:127.0.0.1:${port}`, `b:127.0.0.1:${source.port}`);
    const over = endingForOthers(port);
    // What is buffered on the way is less.
    await waitFor('the transfer to run', () => (source.connections[0]?.bytesWritten ?? 0) > 32 * mib);
    return { over, source, port };
  };
  const tunnelsOf = async (name: string): Promise<unknown[]> => (await statusOf(overlay.portal(name))).tunnels;
  const circuits = async (): Promise<number> => (await statusOf(overlay.relay('relay-1'))).circuits;

  /** Until all of this is so, from the moment that the admin's call is sent. */
  const revoke = async (path: string, ...over: (() => Promise<unknown>)[]): Promise<number> => {
    const since = performance.now();
    await Promise.all([overlay.api('POST', path), ...over.map((wait) => wait())]);
    return performance.now() - since;
  };
  const noCircuit = () => waitFor('the relay to end the circuit', async () => (await circuits()) === 0);
  const noTunnel = (name: string) =>
    waitFor(`${name} to close its tunnel`, async () => (await tunnelsOf(name)).length === 0);

  it('closes it at the peer and at the relay within 2 s, whatever the revoked portal does', async (context) => {
    const { over, source, port } = await startTransfer(context);
    const b = overlay.portal('b');
    const since = overlay.portal('a').process.log.length;
    // It hears of nothing, and ends nothing by itself.
    b.process.signal('SIGSTOP');
    const took = await revoke(
      '/portals/b/revoke',
      noCircuit,
      () => noTunnel('a'),
      () => over,
    );
    expect(took).toBeLessThan(revocationBound);
    expect(await over).toBe('reset');
    const closed = await overlay.portal('a').process.waitForLog(({ msg }) => msg.startsWith('tunnel closed'), since);
    expect(closed.code).toBe('cert_revoked');

    b.process.signal('SIGCONT');
    await b.process.waitForLog(({ code }) => code === 'cert_revoked');
    await noTunnel('b');
    const target = source.connections[0];
    await waitFor('the target’s connection to end', () => target?.destroyed);
    expect(await ending(await dial(port))).toBe('reset');
    await source.close();
  });

  it('of its relay ends its circuits within 2 s, and no other is opened there', async (context) => {
    const { over, source, port } = await startTransfer(context);
    const everything = [noCircuit, () => noTunnel('a'), () => noTunnel('b'), () => over];
    expect(await revoke('/relays/relay-1/revoke', ...everything)).toBeLessThan(revocationBound);
    expect(await over).toBe('reset');
    expect(await ending(await dial(port))).toBe('reset');
    await source.close();
  });
});
