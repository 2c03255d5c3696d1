import type { IdentityKind, SpiffeId } from '@netport/protocol';
import type { Logger } from './log.js';

export type TraceAttributes = Readonly<Record<string, string | number | boolean>>;

/** A place in a trace: what is done from here is part of it. */
export interface Trace {
  /** W3C Trace Context, for a message that another process goes on from. */
  readonly traceparent: string | undefined;
  /** Does a part of the work, as a span of its own; one that rejects is marked with its error. */
  step<T>(name: string, work: (trace: Trace) => Promise<T>, attributes?: TraceAttributes): Promise<T>;
}

/** Where the traces of a process go. */
export interface Tracing {
  /** Where a trace begins, or where one goes on that another process began. */
  from(traceparent?: string): Trace;
  /** Sends what is left. */
  close(): Promise<void>;
}

/** Records nothing, and hands on what others record. */
export const noTracing: Tracing = {
  from: (traceparent) => {
    const trace: Trace = { traceparent, step: (_name, work) => work(trace) };
    return trace;
  },
  close: async () => {},
};

export interface TracingOptions {
  /** Base URL of an OpenTelemetry collector, as OTEL_EXPORTER_OTLP_ENDPOINT has it; without one nothing is recorded. */
  endpoint: string | undefined;
  role: IdentityKind;
  id: SpiffeId;
  version: string;
  log: Logger;
}

/** OpenTelemetry is loaded only where there is somebody to tell. */
export async function openTracing({ endpoint, ...options }: TracingOptions): Promise<Tracing> {
  if (endpoint === undefined) return noTracing;
  const { otlpTracing } = await import('./otlp.js');
  return otlpTracing({ endpoint, ...options });
}
