import { z } from 'zod';
import { errorCodes } from './errors.js';
import { sourceSchema } from './head.js';
import { limits } from './limits.js';
import { nameSchema, pairIdSchema, spiffeIdSchema, streamIdSchema } from './names.js';
import { protocolSchema, timestampSchema } from './policy.js';

/**
 * What a portal tells the control server of each stream and flow, at its start and at its end, for the audit trail. Reports
 * travel in batches; a batch counts as told once `streams.kept` names it, and is sent again in the next session until
 * then. Both portals of a stream report it; the control server joins their words by `stream`.
 */
const shape = {
  stream: streamIdSchema,
  pair: pairIdSchema,
  peer: spiffeIdSchema,
  /** `outgoing` at the portal that listens, `incoming` at the one that dials. */
  direction: z.enum(['outgoing', 'incoming']),
  protocol: protocolSchema,
  transport: z.enum(['tcp', 'quic']),
  /** Of the tunnel, at this moment; only at the portal that listens. */
  relay: nameSchema.optional(),
  /** The application's address. */
  source: sourceSchema,
  /** What was really dialled, `ip:port` or `unix:/path`; only at the portal that dials. */
  target: z.string().max(256).optional(),
  openedAt: timestampSchema,
};

const count = z.int().nonnegative();

export const streamReportSchema = z.discriminatedUnion('event', [
  z.object({ ...shape, event: z.literal('open') }),
  z.object({
    ...shape,
    event: z.literal('end'),
    endedAt: timestampSchema,
    durationMs: count,
    /** Payload bytes, as seen from the application at this portal. */
    bytesSent: count,
    bytesReceived: count,
    reason: z.enum(['ok', ...errorCodes]),
  }),
]);
export type StreamReport = z.infer<typeof streamReportSchema>;
export type StreamEnd = Extract<StreamReport, { event: 'end' }>;

/** portal → control server */
export const streamBatchSchema = z.object({
  type: z.literal('streams'),
  batch: count,
  /** Reports that this portal had no room for since the batch before. */
  dropped: count.default(0),
  reports: z.array(streamReportSchema).max(limits.streamReportsPerBatch),
});
export type StreamBatch = z.infer<typeof streamBatchSchema>;

/** control server → portal: every report of this batch is in the audit trail, or never will be. */
export const streamsKeptSchema = z.object({ type: z.literal('streams.kept'), batch: count });
