import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import type { StreamView } from '@netport/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  freePort,
  freeUdpPort,
  Overlay,
  overflowed,
  startUdpEcho,
  startUdpTarget,
  UdpClient,
  type UdpTarget,
  waitFor,
} from '../harness/index.js';

const run = promisify(execFile);
const has = (program: string): Promise<boolean> =>
  run('which', [program]).then(
    () => true,
    () => false,
  );
const [hasDig, hasIperf] = [(await has('dig')) && (await has('dnsmasq')), await has('iperf3')];
const without = (program: string, there: boolean): string => (there ? '' : ` (skipped: ${program} is not installed)`);

const systemLimit = async (of: 'rmem' | 'wmem'): Promise<number> =>
  Number(await readFile(`/proc/sys/net/core/${of}_max`, 'utf8'));

/** An IPv4 address of this machine besides loopback, if there is one. */
const otherAddress = Object.values(networkInterfaces())
  .flat()
  .find((info) => info?.family === 'IPv4' && !info.internal)?.address;

const services: ChildProcess[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) {
    service.kill('SIGKILL');
    await once(service, 'exit');
  }
});

describe.each(['tcp', 'quic'])('udp over %s', (transport) => {
  let overlay: Overlay;
  let echo: UdpTarget;
  let pairs = 0;
  beforeAll(async () => {
    overlay = await Overlay.start({ portalArgs: ['--transport', transport] });
    echo = await startUdpEcho();
  });
  afterAll(async () => {
    await overlay?.stop();
    await echo?.close();
  });

  /** Grants a pair to a target, and says at which port portal a listens for it. */
  const grant = async (target: string, from = '127.0.0.1'): Promise<{ name: string; port: number }> => {
    pairs += 1;
    const name = `udp-${pairs}`;
    const port = await freeUdpPort();
    await overlay.addPair(name, `a:${from}:${port}`, `b:${target}`, ['--udp']);
    return { name, port };
  };

  it('carries datagrams of every size whole, both ways', async () => {
    const { port } = await grant(`127.0.0.1:${echo.port}`);
    const client = await UdpClient.connect(port);
    for (const size of [1, 100, 1200, 9012, 65_507, 0]) {
      const datagram = randomBytes(size);
      expect((await client.ask(datagram)).equals(datagram), `${size} bytes`).toBe(true);
    }
    client.close();
  });

  it('gives each of many clients its own answers, over one flow each', async () => {
    const { name, port } = await grant(`127.0.0.1:${echo.port}`);
    const before = new Set(echo.sources).size;
    const clients = await Promise.all(Array.from({ length: 20 }, () => UdpClient.connect(port)));
    for (let round = 0; round < 5; round += 1) {
      const answers = await Promise.all(clients.map((client, i) => client.ask(`client ${i} round ${round}`)));
      expect(answers.map(String)).toEqual(clients.map((_client, i) => `client ${i} round ${round}`));
    }
    expect(new Set(echo.sources).size - before).toBe(20);
    const streams = await overlay.cli<StreamView[]>(['ls', 'streams']);
    const ours = streams.filter(({ pair }) => pair === name);
    expect(ours).toHaveLength(20);
    expect(ours[0]).toMatchObject({ protocol: 'udp', transport, dropped: 0 });
    expect(ours.every(({ bytesSent, bytesReceived }) => bytesSent > 0 && bytesSent === bytesReceived)).toBe(true);
    for (const client of clients) client.close();
  });

  it('reaches IPv6 targets from IPv6 listeners', async () => {
    const six = await startUdpEcho('::1');
    const { port } = await grant(`[::1]:${six.port}`, '[::1]');
    const client = await UdpClient.connect(port, '::1');
    expect(String(await client.ask('six'))).toBe('six');
    client.close();
    await six.close();
  });

  it('resolves the name of a target, and says where it cannot', async () => {
    const named = await grant(`localhost:${echo.port}`);
    const client = await UdpClient.connect(named.port);
    expect(String(await client.ask('by name'))).toBe('by name');
    client.close();
    const nobody = await grant('nobody.invalid:53');
    const asking = await UdpClient.connect(nobody.port);
    asking.send('anybody?');
    await overlay.portal('a').process.waitForLog(({ code, msg }) => code === 'dns_failed' && msg.includes('nobody'));
    asking.close();
  });

  it.skipIf(!otherAddress)(
    `answers from the address that was asked, listening on all of them${otherAddress ? '' : ' (skipped: only loopback here)'}`,
    async () => {
      const { port } = await grant(`127.0.0.1:${echo.port}`, '0.0.0.0');
      for (const host of ['127.0.0.1', otherAddress ?? '']) {
        // A connected socket: it hears nothing from any other address.
        const client = await UdpClient.connect(port, host);
        expect(String(await client.ask(host))).toBe(host);
        client.close();
      }
    },
  );

  it('goes on when the target starts late', async () => {
    const port = await freeUdpPort();
    const late = await grant(`127.0.0.1:${port}`);
    const client = await UdpClient.connect(late.port);
    client.send('into the void');
    await waitFor('the flow', async () => {
      const streams = await overlay.cli<StreamView[]>(['ls', 'streams']);
      return streams.some(({ pair }) => pair === late.name);
    });
    const target = await startUdpTarget((datagram, reply) => reply(datagram), '127.0.0.1', port);
    const answer = waitFor('an answer', () => client.received[0]);
    const again = setInterval(() => client.send('now?'), 20);
    expect(String(await answer)).toBe('now?');
    clearInterval(again);
    client.close();
    await target.close();
  });

  it('ends at once when its pair is removed, at both ends', async () => {
    const arrived: string[] = [];
    const target = await startUdpTarget((datagram) => arrived.push(String(datagram)));
    const { name, port } = await grant(`127.0.0.1:${target.port}`);
    const client = await UdpClient.connect(port);
    let spoken = 0;
    const chatter = setInterval(() => {
      spoken += 1;
      client.send('word');
    }, 5);
    /** What has arrived, with all that the portal handed to the kernel before. */
    const countArrived = async (): Promise<number> => {
      const mark = `mark ${arrived.length}`;
      const direct = await UdpClient.connect(target.port);
      direct.send(mark);
      await waitFor('the mark', () => arrived.includes(mark));
      direct.close();
      return arrived.filter((text) => text === 'word').length;
    };
    await waitFor('traffic', () => arrived.length > 20);
    await overlay.admin(['pair', 'rm', name]);
    const atRemoval = await countArrived();
    const streams = await overlay.cli<StreamView[]>(['ls', 'streams']);
    expect(streams.filter(({ pair }) => pair === name)).toEqual([]);
    const said = spoken;
    await waitFor('the client to talk on', () => spoken > said + 50);
    expect(await countArrived()).toBe(atRemoval);
    clearInterval(chatter);
    client.close();
    await target.close();
  });

  it.skipIf(!hasDig)(`carries dig to dnsmasq${without('dig or dnsmasq', hasDig)}`, async () => {
    const port = await freeUdpPort();
    const text = 'x'.repeat(200);
    const records = Array.from({ length: 5 }, (_, i) => `--txt-record=big.test,${i}${text}`);
    const settings = ['--no-daemon', '--no-resolv', '--no-hosts', '--conf-file=/dev/null', '--bind-interfaces'];
    const answers = ['--address=/host.test/192.0.2.7', ...records, '--edns-packet-max=4096'];
    const where = ['--listen-address=127.0.0.1', `--port=${port}`, '--user=root'];
    const server = spawn('dnsmasq', [...settings, ...where, ...answers], { stdio: ['ignore', 'ignore', 'pipe'] });
    services.push(server);
    await once(server.stderr, 'data');
    const resolver = await grant(`127.0.0.1:${port}`);
    const dig = async (...query: string[]): Promise<string> =>
      (await run('dig', ['@127.0.0.1', '-p', String(resolver.port), '+notcp', '+short', ...query])).stdout.trim();
    expect(await dig('host.test')).toBe('192.0.2.7');
    expect((await dig('+bufsize=4096', '+ignore', 'TXT', 'big.test')).split('\n')).toHaveLength(5);
    const many = await Promise.all(Array.from({ length: 20 }, (_, i) => dig(`a${i}.host.test`)));
    expect(many.every((answer) => answer === '192.0.2.7')).toBe(true);
  });

  it.skipIf(!hasIperf)(`carries iperf3 -u${without('iperf3', hasIperf)}`, async () => {
    const service = await freePort();
    const server = spawn('iperf3', ['-s', '-p', String(service), '--forceflush'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    services.push(server);
    await once(server.stdout, 'data');
    const { name, port } = await grant(`127.0.0.1:${service}`);
    await overlay.addPair('iperf-control', `a:127.0.0.1:${port}`, `b:127.0.0.1:${service}`);
    // With what systems give unasked, iperf3's own server drops what comes while it is not scheduled.
    const window = ['-w', String(Math.min(2 * 1024 ** 2, await systemLimit('rmem'), await systemLimit('wmem')))];
    const args = ['-c', '127.0.0.1', '-p', String(port), '-u', '-b', '5M', '-l', '1200', '-t', '3', '-J', ...window];
    const before = overflowed();
    const { end } = JSON.parse((await run('iperf3', args)).stdout) as {
      end: { sum: { packets: number; lost_packets: number } };
    };
    expect(end.sum.packets).toBeGreaterThan(1000);
    // The tunnel drops nothing. When a busy machine stalls, a socket's buffer may still overflow before anybody reads it.
    expect(end.sum.lost_packets - (overflowed() - before)).toBeLessThanOrEqual(end.sum.packets / 100);
    expect(end.sum.lost_packets).toBeLessThan(end.sum.packets / 2);
    const streams = await overlay.cli<StreamView[]>(['ls', 'streams']);
    expect(streams.filter(({ pair }) => pair === name).map(({ dropped }) => dropped)).toEqual([0]);
  });
});

describe('a udp client that falls silent', () => {
  /** Longer than a busy machine stands still: a flow that nobody could keep alive meanwhile would be forgotten with good reason. */
  const idle = 3000;
  const tick = 100;
  let overlay: Overlay;
  beforeAll(async () => {
    overlay = await Overlay.start({ portalArgs: ['--udp-idle', `${idle}ms`] });
  });
  afterAll(() => overlay?.stop());

  const flows = async (): Promise<number> => (await overlay.cli<StreamView[]>(['ls', 'streams'])).length;

  it('is forgotten at both ends after the idle time, and welcome again', async () => {
    const echo = await startUdpEcho();
    const port = await freeUdpPort();
    await overlay.addPair('echo', `a:127.0.0.1:${port}`, `b:127.0.0.1:${echo.port}`, ['--udp']);
    const client = await UdpClient.connect(port);
    // Asked again each time: on a busy machine the listing takes longer than the idle time.
    await waitFor('the flow to be listed', async () => {
      client.send('first');
      return (await flows()) === 1 && client.received.length > 0;
    });
    await waitFor('the flow to be forgotten', async () => (await flows()) === 0);
    const [sources, answers] = [new Set(echo.sources).size, client.received.length];
    await waitFor('an answer', () => {
      client.send('second');
      return client.received.length > answers;
    });
    expect(new Set(echo.sources).size).toBeGreaterThan(sources);
    client.close();
    await echo.close();
  });

  it.concurrent.each(['to the target', 'to the client'])('is kept by traffic %s only', async (way) => {
    const once = way === 'to the client';
    let stopAnswers = (): void => {};
    let heard = 0;
    const target = await startUdpTarget((_datagram, reply) => {
      heard += 1;
      if (!once) return;
      const timer = setInterval(() => reply(Buffer.from('tick')), tick);
      stopAnswers = () => clearInterval(timer);
    });
    const port = await freeUdpPort();
    const name = once ? 'down' : 'up';
    await overlay.addPair(name, `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`, ['--udp']);
    const client = await UdpClient.connect(port);
    client.send('go');
    const sending = setInterval(() => once || client.send('tick'), tick);
    // Two idle times' worth of ticks, all over the same flow.
    await waitFor('ticks', () => (once ? client.received.length : heard) > (2 * idle) / tick);
    expect(new Set(target.sources).size).toBe(1);
    clearInterval(sending);
    stopAnswers();
    client.close();
    await target.close();
  });
});
