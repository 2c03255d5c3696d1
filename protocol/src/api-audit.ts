import { z } from 'zod';
import type { ApiEndpoint } from './api.js';
import { auditEventSchema, sha256Schema } from './api-views.js';
import { errorCodes } from './errors.js';
import { limits } from './limits.js';
import { timestampSchema } from './policy.js';

const filter = {
  /** From this time on, and before that one. */
  since: timestampSchema.optional(),
  until: timestampSchema.optional(),
  /** What this portal did, what was done to it, and the streams, circuits and pairs that it is part of. */
  portal: z.string().optional(),
  /** An access pair, by name; by id only what portals said went wrong with it. */
  pair: z.string().optional(),
  /** `ok`: only events without a code. */
  code: z.enum([...errorCodes, 'ok']).optional(),
  action: z.string().optional(),
  subject: z.string().optional(),
  /** One stream, by its id. */
  stream: z.string().optional(),
};
const filterSchema = z.object(filter);
export type AuditFilter = z.infer<typeof filterSchema>;

const auditQuery = z.object({
  ...filter,
  limit: z.coerce.number().int().min(1).max(limits.apiPageSize).default(100),
  /** Only events older than this id: the `next` of the page before. */
  before: z.coerce.number().int().positive().optional(),
});

/** How far the trail has come: an export that ends before this event lacks its end. */
export const auditHeadSchema = z.object({ id: z.int().nonnegative(), hash: sha256Schema });
export type AuditHead = z.infer<typeof auditHeadSchema>;

export const auditEndpoints = {
  list: {
    method: 'get',
    path: '/audit',
    summary: 'Query the audit trail, newest first',
    query: auditQuery,
    answer: z.object({ items: z.array(auditEventSchema), next: z.int().optional() }),
  },
  head: { method: 'get', path: '/audit/head', summary: 'The last event of the audit trail', answer: auditHeadSchema },
} as const satisfies Record<string, ApiEndpoint>;

/** The one endpoint that does not answer JSON: one event a line, oldest first, as long as there are any. */
export const auditExport = {
  path: '/audit/export',
  summary: 'Export the audit trail as JSON lines, oldest first',
  query: filterSchema,
  contentType: 'application/x-ndjson',
} as const;
