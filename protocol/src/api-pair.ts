import { z } from 'zod';
import { pairSchema } from './api-views.js';
import { errorCodes } from './errors.js';
import { nameSchema } from './names.js';
import { addPairSchema, changePairSchema } from './policy.js';

/** Access pairs. */

/** What speaks against a pair, field by field. */
export const conflictSchema = z.object({ path: z.string(), code: z.enum(errorCodes), message: z.string() });
export type Conflict = z.infer<typeof conflictSchema>;

export const pairActions = {
  add: {
    method: 'post',
    path: '/pairs',
    summary: 'Grant an access pair',
    body: addPairSchema,
    answer: pairSchema,
    status: 201,
    revisioned: true,
  },
  check: {
    method: 'post',
    path: '/pairs/check',
    summary: 'Say what would speak against an access pair, complete or not; nothing is changed',
    /** `pair`: the one that this is to be after an edit. */
    query: z.strictObject({ pair: nameSchema.optional() }),
    body: addPairSchema,
    /** What does not pass the schema is a conflict, too. */
    bodyUnchecked: true,
    answer: z.object({ conflicts: z.array(conflictSchema) }),
  },
  show: { method: 'get', path: '/pairs/:name', summary: 'Show one access pair', answer: pairSchema, revisioned: true },
  change: {
    method: 'patch',
    path: '/pairs/:name',
    summary: 'Change an access pair, with If-Match only as it was read',
    body: changePairSchema,
    answer: pairSchema,
    revisioned: true,
  },
  remove: { method: 'delete', path: '/pairs/:name', summary: 'Withdraw an access pair', answer: z.object({}) },
} as const;
