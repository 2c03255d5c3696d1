import { asNetportError } from '@netport/protocol';
import {
  type Context,
  DiagLogLevel,
  diag,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanStatusCode,
  type Tracer,
  trace as traces,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Trace, Tracing, TracingOptions } from './tracing.js';

/** How long one export may take, retries included: a process that ends waits no longer for a collector that is gone. */
const exportTimeout = 2000;
/** A set-up is over within seconds, and whoever looks at it wants it soon. */
const exportInterval = 1000;

/** Spans to a collector, as JSON over HTTP. One that cannot be reached costs spans (at most 2,048 wait), nothing else. */
export function otlpTracing(options: TracingOptions & { endpoint: string }): Tracing {
  const { endpoint, role, id, version, log } = options;
  const warn = (message: string): void => log.warn(`traces: ${message}`);
  const nothing = (): void => {};
  diag.setLogger({ error: warn, warn, info: nothing, debug: nothing, verbose: nothing }, DiagLogLevel.WARN);
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: exportTimeout,
  });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      'service.name': `netport-${role}`,
      'service.version': version,
      'service.instance.id': id,
    }),
    spanProcessors: [new BatchSpanProcessor(exporter, { scheduledDelayMillis: exportInterval })],
  });
  const tracer = provider.getTracer('netport', version);
  return {
    from: (traceparent) => traceIn(tracer, remoteContext(traceparent)),
    close: () => provider.shutdown().catch((error: Error) => warn(error.message)),
  };
}

function traceIn(tracer: Tracer, context: Context): Trace {
  return {
    traceparent: formatTraceparent(context),
    step: async (name, work, attributes = {}) => {
      const span = tracer.startSpan(name, { attributes }, context);
      try {
        return await work(traceIn(tracer, traces.setSpan(context, span)));
      } catch (thrown) {
        const { code, message } = asNetportError(thrown);
        span.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR, message });
        throw thrown;
      } finally {
        span.end();
      }
    },
  };
}

/** W3C Trace Context, version 00: version, trace, span and flags in hexadecimal. */
function remoteContext(traceparent = ''): Context {
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-');
  const remote = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(remote) ? traces.setSpanContext(ROOT_CONTEXT, remote) : ROOT_CONTEXT;
}

function formatTraceparent(context: Context): string | undefined {
  const span = traces.getSpanContext(context);
  return span && `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, '0')}`;
}
