import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type CollectedSpan,
  type Collector,
  dial,
  exchange,
  freePort,
  Overlay,
  startCollector,
  startEcho,
  type Target,
  waitFor,
} from '../harness/index.js';

describe('a trace of a circuit', () => {
  let collector: Collector;
  let overlay: Overlay;
  let target: Target;
  let port: number;
  beforeAll(async () => {
    collector = await startCollector();
    const tracing = ['--otlp-endpoint', collector.url];
    overlay = await Overlay.start({ controlArgs: tracing, portalArgs: ['--transport', 'tcp', ...tracing] });
    target = await startEcho();
    port = await freePort();
    await overlay.addPair('web', `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);
  });
  afterAll(async () => {
    await overlay?.stop();
    await target?.close();
    await collector?.close();
  });

  /** As `service: name`, below each other. */
  function tree(spans: readonly CollectedSpan[], parent?: string, depth = ''): string[] {
    return spans
      .filter(({ parentSpanId }) => parentSpanId === parent)
      .map((span) => ({ span, text: `${depth}${span.service}: ${span.name}` }))
      .sort((a, b) => a.text.localeCompare(b.text))
      .flatMap(({ span, text }) => [text, ...tree(spans, span.spanId, `${depth}  `)]);
  }

  it('has the spans of both portals and of the control server', async () => {
    await exchange(await dial(port), 'ping');
    const spans = await waitFor('all spans of the set-up', () => {
      const dialled = collector.spans.find(({ name }) => name === 'tunnel.dial');
      const own = collector.spans.filter(({ traceId }) => traceId === dialled?.traceId);
      return own.length >= 10 && own;
    });
    expect(tree(spans)).toEqual([
      'netport-portal: tunnel.dial',
      '  netport-portal: circuit.request',
      '    netport-control: circuit.allocate',
      '      netport-control: circuit.join',
      '      netport-control: relay.open',
      '      netport-portal: tunnel.accept',
      '        netport-portal: leg.bind',
      '        netport-portal: tunnel.handshake',
      '  netport-portal: leg.bind',
      '  netport-portal: tunnel.handshake',
    ]);
    expect(spans.filter(({ status }) => status === 2)).toEqual([]);
  });

  it('marks the step that failed', async () => {
    await overlay.relay('relay-1').process.stop('SIGKILL');
    await waitFor('the relay to be gone', async () => {
      const { items } = await overlay.api<{ items: { online: boolean }[] }>('GET', '/relays');
      return items.every(({ online }) => !online);
    });
    // The tunnel went with its relay; this dial finds none.
    const failed = await waitFor('a failed allocation', async () => {
      (await dial(port)).on('error', () => {}).destroy();
      return collector.spans.find(({ name, status }) => name === 'circuit.allocate' && status === 2);
    });
    const above = await waitFor('the portal to tell of it', () =>
      collector.spans.find(({ spanId }) => spanId === failed.parentSpanId),
    );
    expect(above).toMatchObject({ service: 'netport-portal', name: 'circuit.request', status: 2 });
  });
});
