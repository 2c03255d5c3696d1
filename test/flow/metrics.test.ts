import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  dial,
  exchange,
  freePort,
  Overlay,
  type RunningProcess,
  root,
  startEcho,
  type Target,
  waitFor,
} from '../harness/index.js';

const noPromtool = spawnSync('promtool', ['--version']).error ? ' (skipped: there is no promtool)' : '';
const roles = ['control', 'relay', 'portal'] as const;
type Role = (typeof roles)[number];

const deployed = (path: string): Promise<string> => readFile(join(root, 'deploy', path), 'utf8');

/** Metrics that an expression or a text names. `up` is Prometheus' own. */
const namesIn = (text: string): Set<string> => new Set(text.match(/\b(?:netport|process|nodejs)_[a-z0-9_]+/g));

/** The names that a page has series of. */
function exposed(page: string): Set<string> {
  const types = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Set(
    types.flatMap(([, name = '', type]) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name],
    ),
  );
}

function promtool(args: readonly string[], input = ''): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

describe('metrics and health', () => {
  let overlay: Overlay;
  let target: Target;
  const urls = {} as Record<Role, string>;
  const pages = {} as Record<Role, string>;

  /** What the circuit of the portal's tunnel is over: that of the other racer may have been set up before. */
  const circuitTransport = (): string => {
    const [, transport] = /netport_tunnel_setup_seconds_count\{transport="(\w+)"\} 1/.exec(pages.portal) ?? [];
    return transport === 'quic' ? 'udp' : 'tcp';
  };
  const circuitSetUps = (): string => `netport_circuit_setups_total{transport="${circuitTransport()}",code="ok"}`;
  beforeAll(async () => {
    const metrics = ['--metrics', '127.0.0.1:0'];
    overlay = await Overlay.start({ controlArgs: metrics, relayArgs: metrics, portalArgs: metrics });
    target = await startEcho();
    const port = await freePort();
    await overlay.addPair('web', `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);
    const socket = await dial(port);
    await exchange(socket, 'ping');
    const address = async (process: RunningProcess, field: 'url' | 'metrics'): Promise<string> =>
      String((await process.waitForLog((line) => String(line[field]).endsWith('/metrics')))[field]);
    urls.control = await address(overlay.control, 'url');
    urls.relay = await address(overlay.relay('relay-1').process, 'metrics');
    urls.portal = await address(overlay.portal('a').process, 'metrics');
    const read = async (role: Role): Promise<string> => {
      pages[role] = await (await fetch(urls[role])).text();
      return pages[role];
    };
    // The relay tells it after the portals.
    await read('portal');
    await waitFor('the control server to count the circuit', async () =>
      (await read('control')).includes(circuitSetUps()),
    );
    await read('relay');
    socket.destroy();
  });
  afterAll(async () => {
    await overlay?.stop();
    await target?.close();
  });

  /** The value of one series. */
  const value = (role: Role, series: string): number => {
    const line = pages[role].split('\n').find((text) => text.startsWith(`${series} `));
    if (line === undefined) throw new Error(`${role} has no ${series}`);
    return Number(line.slice(series.length));
  };

  it.skipIf(noPromtool).each(roles)(`promtool finds nothing wrong with what %s exposes${noPromtool}`, (role) => {
    expect(promtool(['check', 'metrics'], pages[role])).toEqual({ status: 0, output: '' });
  });

  it('each role tells of its build, its certificate and its part of one set-up', () => {
    const now = Date.now() / 1000;
    for (const role of roles) {
      expect(pages[role]).toMatch(new RegExp(`^netport_build_info\\{role="${role}",version="[^"]+"\\} 1$`, 'm'));
      expect(value(role, 'netport_certificate_expiry_timestamp_seconds{certificate="leaf"}')).toBeGreaterThan(now);
    }
    expect(value('control', circuitSetUps())).toBe(1);
    expect(value('control', `netport_circuit_setup_seconds_count{transport="${circuitTransport()}"}`)).toBe(1);
    expect(value('control', 'netport_policy_push_seconds_count')).toBeGreaterThanOrEqual(2);
    expect(value('control', 'netport_members{kind="portal"}')).toBe(2);
    expect(value('control', 'netport_circuits_free')).toBeGreaterThan(0);
    expect(value('portal', 'netport_stream_bytes_total{direction="sent"}')).toBe(4);
    const relayed = ['userspace', 'xdp', 'tc'].map((datapath) =>
      value('relay', `netport_relay_bytes_total{datapath="${datapath}"}`),
    );
    expect(Math.max(...relayed)).toBeGreaterThan(0);
  });

  it('no role shows the name of a portal, relay or pair, or an address', () => {
    for (const role of roles)
      expect(pages[role]).not.toMatch(/="(?:a|b|web|relay-1|[^"]*127\.0\.0\.1[^"]*|spiffe:[^"]*)"/);
  });

  it('alert rules and the dashboard name only metrics that some role exposes', async () => {
    const known = new Set(roles.flatMap((role) => [...exposed(pages[role])]));
    const rules = namesIn(await deployed('prometheus/netport.rules.yml'));
    const panels = JSON.parse(await deployed('grafana/netport.json')).panels as { targets?: { expr: string }[] }[];
    const dashboard = namesIn(panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join('\n'));
    for (const names of [rules, dashboard]) {
      expect(names.size).toBeGreaterThan(10);
      expect([...names].filter((name) => !known.has(name))).toEqual([]);
    }
  });

  it('the documentation lists every metric of Netport, and no other', async () => {
    const own = (page: string): string[] =>
      [...page.matchAll(/^# TYPE (netport_\S+) /gm)].map(([, name = '']) => name).sort();
    const known = new Set(roles.flatMap((role) => own(pages[role])));
    const documented = namesIn(await readFile(join(root, 'docs/operations.md'), 'utf8'));
    expect([...documented].filter((name) => name.startsWith('netport_')).sort()).toEqual([...known].sort());
  });

  it.skipIf(noPromtool)(`the alert rules are well-formed, and fire when they should${noPromtool}`, () => {
    const directory = join(root, 'deploy/prometheus');
    expect(promtool(['check', 'rules', join(directory, 'netport.rules.yml')])).toMatchObject({ status: 0 });
    const { status, output } = promtool(['test', 'rules', join(directory, 'netport.rules.test.yml')]);
    expect({ status, output }).toMatchObject({ status: 0 });
  });

  it('says that it is up, and whether it is ready', async () => {
    const get = async (role: Role, path: string): Promise<string> => {
      const response = await fetch(urls[role].replace('/metrics', path));
      return `${response.status} ${(await response.text()).trim()}`;
    };
    for (const role of roles) {
      expect(await get(role, '/healthz')).toBe('200 ok');
      expect(await get(role, '/readyz')).toBe('200 ok');
    }
    // A portal that starts without its control server lives, and is not ready.
    await overlay.control.stop('SIGKILL');
    const portal = overlay.portal('a');
    await portal.process.stop();
    const starting = portal.start();
    // Awaited below.
    starting.catch(() => {});
    const { metrics } = await portal.process.waitForLog('portal started');
    urls.portal = String(metrics);
    expect(await get('portal', '/healthz')).toBe('200 ok');
    expect(await get('portal', '/readyz')).toBe('503 unavailable: the control session has not come up yet');
    await overlay.restartControl();
    await starting;
    expect(await get('portal', '/readyz')).toBe('200 ok');
  });
});
