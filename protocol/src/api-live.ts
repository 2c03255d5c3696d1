import { z } from 'zod';
import { auditEventSchema, circuitSchema, streamSchema, tunnelSchema } from './api-views.js';
import { nameSchema } from './names.js';
import { timestampSchema } from './policy.js';

/** What `GET /live` sends, as server-sent events: the name of each, and its data as JSON. */

const count = z.int().nonnegative();

export const overviewSchema = z.object({
  at: timestampSchema,
  portals: z.array(z.object({ name: nameSchema, online: z.boolean() })),
  relays: z.array(
    z.object({ name: nameSchema, online: z.boolean(), datapath: z.enum(['userspace', 'xdp']).nullable() }),
  ),
  pairs: z.object({ total: count, active: count }),
});
export type Overview = z.infer<typeof overviewSchema>;

export const trafficSchema = z.object({
  at: timestampSchema,
  tunnels: z.array(tunnelSchema),
  circuits: z.array(circuitSchema),
  /** The busiest. */
  streams: z.array(streamSchema),
  totals: z.object({
    /** Of all tunnels, ended ones too, since the server began to count: it never falls while somebody watches. */
    bytesSent: count,
    bytesReceived: count,
    /** All that are open now. */
    streams: count,
  }),
});
export type Traffic = z.infer<typeof trafficSchema>;

/** What a page that shows these lists reads again. `audit`: events were left out of the stream. */
export const liveLists = ['portals', 'relays', 'pairs', 'tokens', 'certificates', 'policy', 'audit'] as const;
export type LiveList = (typeof liveLists)[number];

export const liveEventSchema = z.discriminatedUnion('event', [
  z.object({ event: z.literal('overview'), data: overviewSchema }),
  z.object({ event: z.literal('traffic'), data: trafficSchema }),
  z.object({ event: z.literal('changed'), data: z.object({ what: z.array(z.enum(liveLists)) }) }),
  z.object({ event: z.literal('audit'), data: auditEventSchema }),
]);
export type LiveEvent = z.infer<typeof liveEventSchema>;

export const liveEndpoint = {
  method: 'get',
  path: '/live',
  summary: 'Watch: server-sent events, until the session ends or the watcher goes',
  answer: liveEventSchema,
  contentType: 'text/event-stream',
} as const;
