import type { AuditEventView, EventExplanation, Explanation, HopName, NewToken } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  dial,
  ending,
  exchange,
  freePort,
  Overlay,
  startEcho,
  startSilent,
  type Target,
  waitFor,
} from '../harness/index.js';

/** What `netport explain` prints, and its exit code. */
type Told = Explanation & { exit: number | null };

describe('explain finds the first cause', () => {
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

  async function explain(...args: string[]): Promise<Told> {
    const { code, stdout, stderr } = await overlay.tryCli(['explain', ...args, '--json']);
    if (stdout === '') throw new Error(`explain ${args.join(' ')}: ${stderr}`);
    return { ...(JSON.parse(stdout) as Explanation), exit: code };
  }

  /** Asks until the answer is as expected: what portals report takes a moment. */
  function cause(code: string | null, args: string[], verdict = 'broken'): Promise<Told> {
    let last: Told | undefined;
    return waitFor(`explain ${args.join(' ')} to say ${code}`, async () => {
      last = await explain(...args);
      return (last.cause?.code ?? null) === code && last.verdict === verdict && last;
    }).catch((error: Error) => {
      throw new Error(`${error.message}; the last answer was ${JSON.stringify(last, null, 2)}`);
    });
  }

  const hop = (told: Explanation, name: HopName) => told.hops.find((one) => one.hop === name);
  const at = (port: number) => ['a', `127.0.0.1:${port}`];

  /** A pair from a free port of `a`; answers that port. */
  async function granted(name: string, to = `b:127.0.0.1:${target.port}`): Promise<number> {
    const port = await freePort();
    await overlay.addPair(name, `a:127.0.0.1:${port}`, to);
    return port;
  }

  /** An application tries, and is turned away. */
  async function refused(port: number): Promise<void> {
    const socket = await dial(port);
    await ending(socket);
  }

  it('works: seen in a running stream, and exit code 0', async () => {
    const port = await granted('works');
    expect(await explain(...at(port))).toMatchObject({ verdict: 'unknown', cause: null, pair: 'works', exit: 1 });
    const socket = await dial(port);
    expect(await exchange(socket, 'seen')).toBe('seen');
    const told = await explain(...at(port));
    expect(told).toMatchObject({ verdict: 'works', cause: null, exit: 0 });
    expect(told.hops.map(({ state }) => state)).toEqual(Array(7).fill('ok'));
    expect(hop(told, 'target')?.message).toContain(`127.0.0.1:${target.port}`);
    expect(hop(told, 'tunnel')?.message).toMatch(/tcp, relayed by relay-1/);
    socket.destroy();
  });

  it('works: seen by a probe, when nobody has tried yet', async () => {
    const port = await granted('probed', `c:127.0.0.1:${target.port}`);
    expect(await explain(...at(port))).toMatchObject({ verdict: 'unknown', cause: null });
    expect(await explain(...at(port), '--probe')).toMatchObject({ verdict: 'works', cause: null, exit: 0 });
  });

  it('no pair at all', async () => {
    const told = await explain('c', '10.9.8.7:6543');
    expect(told).toMatchObject({
      verdict: 'denied',
      cause: { code: 'policy_denied' },
      pair: null,
      nearest: [],
      exit: 1,
    });
  });

  it('a pair on another port comes close, or on another address', async () => {
    const port = await granted('close');
    expect(await explain('a', `127.0.0.1:${port + 1}`)).toMatchObject({
      verdict: 'denied',
      cause: { code: 'policy_denied', message: expect.stringMatching(/; close comes closest, but it listens on/) },
      nearest: expect.arrayContaining([{ pair: 'close', difference: `it listens on 127.0.0.1:${port}, another port` }]),
    });
    const { nearest } = await explain('a', `0.0.0.0:${port}`);
    expect(nearest).toEqual([{ pair: 'close', difference: `it listens on 127.0.0.1:${port}, another address` }]);
    expect((await explain('a', `127.0.0.1:${port}`, '--udp')).nearest).toEqual([
      { pair: 'close', difference: 'it is for tcp, not udp' },
    ]);
  });

  it('a pair that leads the other way', async () => {
    const port = await granted('reversed');
    const told = await explain('b', `127.0.0.1:${port}`);
    expect(told).toMatchObject({ verdict: 'denied', cause: { code: 'policy_denied' } });
    expect(told.nearest[0]).toEqual({
      pair: 'reversed',
      difference: `it leads the other way: a listens on 127.0.0.1:${port}, and b dials 127.0.0.1:${target.port}`,
    });
  });

  it('a disabled pair', async () => {
    const port = await granted('disabled');
    await overlay.admin(['pair', 'disable', 'disabled']);
    const told = await explain(...at(port));
    expect(told).toMatchObject({ verdict: 'denied', pair: 'disabled', cause: { code: 'policy_denied' } });
    expect(told.cause?.help).toBe('Enable it: netport pair enable disabled.');
  });

  it('an expired pair', async () => {
    const port = await freePort();
    const sides = ['--from', `a:127.0.0.1:${port}`, '--to', `b:127.0.0.1:${target.port}`];
    await overlay.admin(['pair', 'add', 'expiring', ...sides, '--expires', '1s']);
    await cause('pair_expired', at(port), 'denied');
  });

  it("a port that another program has taken at the listener's", async () => {
    const taken = await startEcho();
    await overlay.admin([
      'pair',
      'add',
      'taken',
      '--from',
      `a:127.0.0.1:${taken.port}`,
      '--to',
      `b:127.0.0.1:${target.port}`,
    ]);
    const told = await cause('address_in_use', at(taken.port));
    expect(hop(told, 'listener')).toMatchObject({ state: 'failed', code: 'address_in_use' });
    await overlay.admin(['pair', 'rm', 'taken']);
    await taken.close();
  });

  it('an address that the listening machine does not have', async () => {
    await overlay.admin([
      'pair',
      'add',
      'elsewhere',
      '--from',
      'a:192.0.2.77:8080',
      '--to',
      `b:127.0.0.1:${target.port}`,
    ]);
    await cause('address_unavailable', ['a', '192.0.2.77:8080']);
    await overlay.admin(['pair', 'rm', 'elsewhere']);
  });

  it('a target that refuses: after a try, by a probe without one, and no longer once the pair is changed', async () => {
    const closed = await freePort();
    const port = await granted('refusing', `b:127.0.0.1:${closed}`);
    await cause('connect_refused', [...at(port), '--probe']);
    expect(await explain(...at(port)), 'a probe is nothing that happened').toMatchObject({ verdict: 'unknown' });
    await refused(port);
    const told = await cause('connect_refused', at(port));
    expect(hop(told, 'target')?.message).toContain(`127.0.0.1:${closed}`);

    const [event] = await overlay.cli<AuditEventView[]>(['audit', '--action', 'stream.failed', '--limit', '1']);
    const { stdout } = await overlay.tryCli(['explain', '--event', String(event?.id), '--json']);
    const explained = JSON.parse(stdout) as EventExplanation;
    expect(explained).toMatchObject({ pair: 'refusing', verdict: 'broken' });
    expect(explained.event).toMatchObject({ id: event?.id, hop: 'target', cause: { code: 'connect_refused' } });
    expect(explained.event.pair).toMatch(/^refusing was in force, .* \(pair\.add\): policy was not what stopped it$/);

    await overlay.admin(['pair', 'disable', 'refusing']);
    await overlay.admin(['pair', 'enable', 'refusing']);
    await cause(null, at(port), 'unknown');
    await overlay.admin(['pair', 'rm', 'refusing']);
    const after = JSON.parse((await overlay.tryCli(['explain', '--event', String(event?.id), '--json'])).stdout);
    expect(after.event.history.at(-1)).toMatchObject({ action: 'pair.remove' });
    expect(after).toMatchObject({ verdict: 'denied', cause: { code: 'policy_denied' } });
  });

  it("a target's name that does not resolve", async () => {
    const port = await granted('nameless', 'b:no-such-host.invalid:80');
    await refused(port);
    const told = await cause('dns_failed', at(port));
    expect(hop(told, 'target')?.message).toContain('no-such-host.invalid');
  });

  it('a target that does not answer', async () => {
    const silent = await startSilent();
    const port = await granted('silent', `b:127.0.0.1:${silent.port}`);
    await refused(port);
    await cause('connect_timeout', at(port));
    await silent.stop();
  });

  it('a portal that has never enrolled', async () => {
    await overlay.cli<NewToken>(['portal', 'add', 'fresh']);
    const port = await freePort();
    await overlay.admin(['pair', 'add', 'fresh', '--from', `a:127.0.0.1:${port}`, '--to', 'fresh:127.0.0.1:80']);
    const told = await explain(...at(port));
    expect(told).toMatchObject({ verdict: 'denied', cause: { code: 'cert_missing' } });
    expect(hop(told, 'peer')?.message).toBe('fresh has never enrolled; its join token is open');
  });

  it('a peer that is offline, then one whose certificate was revoked', async () => {
    const port = await granted('going', `c:127.0.0.1:${target.port}`);
    await overlay.portal('c').process.stop('SIGKILL');
    const told = await cause('peer_offline', at(port));
    expect(hop(told, 'peer')).toMatchObject({ state: 'failed', code: 'peer_offline', at: expect.any(String) });
    expect(hop(told, 'portal')).toMatchObject({ state: 'ok' });
    await overlay.admin(['cert', 'revoke', 'c']);
    await cause('cert_revoked', at(port), 'denied');
  });

  it('no relay online, whatever else comes of it', async () => {
    const port = await granted('stranded');
    await overlay.relay('relay-1').process.stop('SIGKILL');
    await refused(port);
    await cause('relay_unavailable', at(port));
    await overlay.relay('relay-1').start();
    expect(await cause(null, [...at(port), '--probe'], 'works')).toMatchObject({ exit: 0 });
  });

  it('the listening portal is offline', async () => {
    const port = await granted('left');
    await overlay.portal('a').process.stop('SIGKILL');
    const told = await cause('peer_offline', at(port));
    expect(hop(told, 'portal')).toMatchObject({ state: 'failed', message: 'a has no control session' });
    expect(hop(told, 'listener')).toMatchObject({ state: 'unknown' });
    await overlay.portal('a').start();
  });

  it('what it cannot answer is refused with what is wrong', async () => {
    expect(await overlay.tryCli(['explain', 'nobody', '80'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('(not_found)'),
    });
    expect(await overlay.tryCli(['explain', '--event', '999999'])).toMatchObject({ code: 1, stdout: '' });
    expect(await overlay.tryCli(['explain', 'a', '127.0.0.1'])).toMatchObject({ code: 2, stdout: '' });
  });

  it('people read a line for each hop, the cause, and what to do', async () => {
    const { stdout, code } = await overlay.tryCli(['explain', 'a', '127.0.0.1:1']);
    expect(stdout).toMatch(
      /^a 127\.0\.0\.1:1 \(tcp\): denied\n✖ listener {2}.*\n✖ pair {6}.*\n✔ portal {4}.*\n\? peer {6}/,
    );
    expect(stdout).toMatch(
      /\(policy_denied\)\nConnect to where an access pair listens, or grant one: netport pair add\.\n$/,
    );
    expect(code).toBe(1);
  });
});
