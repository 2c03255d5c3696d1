import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limits } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../harness/index.js';

const folder = join(root, 'deploy/k8s');
const overlays = ['single-node', 'relays', 'relays-in-kernel'] as const;
const noGo = ((): string => {
  const { error, stderr } = spawnSync('go', ['list', '-mod=readonly', '-deps', '.'], {
    cwd: join(folder, 'check'),
    encoding: 'utf8',
  });
  if (error) return ' (skipped: there is no go)';
  return /\b(dial|lookup|i\/o timeout|proxyconnect)\b/.test(stderr) ? ' (skipped: Go’s modules are out of reach)' : '';
})();

interface Container {
  name: string;
  securityContext: { runAsUser?: number; capabilities: { drop: string[]; add?: string[] } };
  env?: { name: string; value?: string }[];
  lifecycle?: unknown;
}

interface Workload {
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  spec: {
    template: {
      metadata: { labels: Record<string, string> };
      spec: {
        containers: Container[];
        initContainers?: Container[];
        securityContext: { runAsUser: number };
        terminationGracePeriodSeconds: number;
        volumes: { name: string }[];
        [key: string]: unknown;
      };
    };
    selector: { matchLabels?: Record<string, string> };
    volumeClaimTemplates?: { metadata: { name: string } }[];
    [key: string]: unknown;
  };
  data: Record<string, string>;
}

describe.skipIf(noGo)(`Kubernetes${noGo}`, () => {
  const directory = mkdtempSync(join(tmpdir(), 'netport-k8s-'));
  const program = join(directory, 'check');
  const rendered = {} as Record<(typeof overlays)[number], Workload[]>;
  const check = (...paths: string[]) => spawnSync(program, paths, { encoding: 'utf8', maxBuffer: 64 << 20 });
  beforeAll(() => {
    // Beside tests that measure time: on one processor.
    execFileSync('go', ['build', '-p', '1', '-mod=readonly', '-o', program, '.'], {
      cwd: join(folder, 'check'),
      stdio: 'pipe',
    });
    for (const overlay of overlays) {
      const { status, stdout, stderr } = check(join(folder, 'overlays', overlay));
      if (status !== 0) throw new Error(`${overlay}: ${stderr}`);
      rendered[overlay] = JSON.parse(stdout) as Workload[];
    }
  }, 600_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const only = (overlay: (typeof overlays)[number], kind: string): Workload => {
    const found = rendered[overlay].filter((document) => document.kind === kind);
    expect(found, `${kind} of ${overlay}`).toHaveLength(1);
    return found[0] as Workload;
  };
  const podOf = (workload: Workload) => workload.spec.template.spec;
  const named = (containers: readonly Container[] | undefined, name: string): Container => {
    const container = containers?.find((one) => one.name === name);
    if (!container) throw new Error(`no container ${name}`);
    return container;
  };
  const variableOf = (container: Container, name: string): string | undefined =>
    container.env?.find((one) => one.name === name)?.value;

  it.each([
    ['an unknown key', 'readOnlyRootFilesystem', 'readOnlyRootFileSystem', 'unknown field'],
    ['a value of a wrong type', 'replicas: 1', 'replicas: one', 'cannot unmarshal'],
    ['an unknown kind', 'kind: StatefulSet', 'kind: StatefullSet', 'StatefullSet'],
  ])('%s is refused', async (_, right, wrong, message) => {
    const base = join(directory, 'base');
    await cp(join(folder, 'base'), base, { recursive: true });
    const file = join(base, 'stateful-set.yaml');
    const text = await readFile(file, 'utf8');
    expect(text).toContain(right);
    await writeFile(file, text.replace(right, wrong));
    const { status, stderr } = check(base);
    expect(status).toBe(1);
    expect(stderr).toContain(message);
  });

  it('the control server meets the restricted pod security standard, which its namespace enforces', () => {
    const pod = podOf(only('single-node', 'StatefulSet'));
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    });
    for (const key of ['hostNetwork', 'hostPID', 'hostIPC']) expect(pod).not.toHaveProperty(key);
    expect(pod.volumes.map(({ name }) => name)).toEqual(['tmp']);
    for (const { securityContext } of pod.containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
    expect(only('single-node', 'Namespace').metadata.labels).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
  });

  it('the control server is probed over TLS, keeps its data on a volume of its own, and is alone with it', () => {
    const workload = only('single-node', 'StatefulSet');
    const probe = (path: string) => ({ httpGet: { path, port: 'https', scheme: 'HTTPS' } });
    expect(named(podOf(workload).containers, 'control')).toMatchObject({
      startupProbe: probe('/healthz'),
      livenessProbe: probe('/healthz'),
      readinessProbe: probe('/readyz'),
    });
    expect(workload.spec).toMatchObject({ replicas: 1 });
    expect(workload.spec.volumeClaimTemplates).toMatchObject([
      { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOncePod'] } },
    ]);
  });

  it('what selects the control server selects its pods', () => {
    const { labels } = only('single-node', 'StatefulSet').spec.template.metadata;
    const documents = rendered['single-node'];
    const services = documents.filter(({ kind }) => kind === 'Service');
    expect(services.map(({ metadata }) => metadata.name)).toContain(
      only('single-node', 'StatefulSet').spec.serviceName,
    );
    for (const { spec } of services) expect(labels).toMatchObject(spec.selector);
    expect(labels).toMatchObject(only('single-node', 'PodDisruptionBudget').spec.selector.matchLabels ?? {});
    const policy = only('single-node', 'NetworkPolicy').spec;
    expect(policy).toMatchObject({ podSelector: { matchLabels: labels }, policyTypes: ['Ingress', 'Egress'] });
  });

  it.each(['relays', 'relays-in-kernel'] as const)('%s: on labelled nodes, in the host’s network', (overlay) => {
    expect(podOf(only(overlay, 'DaemonSet'))).toMatchObject({
      hostNetwork: true,
      nodeSelector: { 'netport.dev/relay': 'true' },
      automountServiceAccountToken: false,
    });
  });

  it.each([
    ['relays', 65532, 'userspace', undefined],
    ['relays-in-kernel', 0, 'xdp', ['BPF', 'PERFMON', 'NET_ADMIN', 'NET_RAW']],
  ] as const)('%s have exactly the capabilities of their datapath', (overlay, user, datapath, add) => {
    const pod = podOf(only(overlay, 'DaemonSet'));
    const relay = named(pod.containers, 'relay');
    expect(variableOf(relay, 'NETPORT_DATAPATH')).toBe(datapath);
    expect(relay.securityContext.runAsUser ?? pod.securityContext.runAsUser).toBe(user);
    expect(relay.securityContext.capabilities).toEqual({ drop: ['ALL'], ...(add && { add: [...add] }) });
    expect(relay.securityContext).toMatchObject({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true });
    expect(pod.containers).toHaveLength(1);
    const [directoryOnly] = pod.initContainers ?? [];
    expect(directoryOnly?.securityContext.capabilities).toEqual({ drop: ['ALL'], add: ['CHOWN'] });
  });

  it('every role may end its grace before it is killed', () => {
    const relays = podOf(only('relays', 'DaemonSet'));
    const relay = named(relays.containers, 'relay');
    const { command } = (relay.lifecycle as { preStop: { exec: { command: string[] } } }).preStop.exec;
    expect(command.slice(0, -1)).toEqual(['node', '/opt/netport/relay/bin/netport-relay.mjs', 'drain', '--wait']);
    const seconds = [command.at(-1), variableOf(relay, 'NETPORT_GRACE')].map((text) => {
      expect(text).toMatch(/^\d+s$/);
      return Number(text?.slice(0, -1));
    });
    expect(relays.terminationGracePeriodSeconds).toBeGreaterThan(seconds.reduce((sum, one) => sum + one));
    const control = podOf(only('single-node', 'StatefulSet'));
    const hook = named(control.containers, 'control').lifecycle as { preStop: { exec: { command: string[] } } };
    const pause = Number(hook.preStop.exec.command[1]) * 1000;
    expect(control.terminationGracePeriodSeconds * 1000).toBeGreaterThan(limits.drainGrace + pause);
  });

  it.each(['single-node', 'relays'] as const)(
    '%s brings the dashboard, and is scraped under the job that docs/operations.md names',
    (overlay) => {
      const dashboard = rendered[overlay].find(({ metadata }) => metadata.name === 'netport-dashboard');
      const file = readFileSync(join(root, 'deploy/grafana/netport.json'), 'utf8');
      expect(dashboard?.data).toEqual({ 'netport.json': file });
      const { spec } = only(overlay, 'ServiceMonitor');
      const scraped = rendered[overlay].filter(
        ({ kind, metadata }) => kind === 'Service' && metadata.labels?.['netport.dev/scrape'] === 'true',
      );
      expect(spec).toMatchObject({
        jobLabel: 'app.kubernetes.io/name',
        selector: { matchLabels: { 'netport.dev/scrape': 'true' } },
      });
      const job = overlay === 'relays' ? 'netport-relay' : 'netport-control';
      expect(scraped.map(({ metadata }) => metadata.labels?.['app.kubernetes.io/name'])).toEqual([job]);
      expect(readFileSync(join(root, 'docs/operations.md'), 'utf8')).toContain(`job_name: ${job},`);
    },
  );
});
