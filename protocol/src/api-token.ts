import { z } from 'zod';
import { pageOf, pageQuerySchema } from './api-page.js';
import { limits } from './limits.js';
import { nameSchema } from './names.js';
import { timestampSchema } from './policy.js';
import { roleSchema } from './role.js';
import { scopesSchema } from './scope.js';

/** API tokens: what programs show, each with a role, perhaps less than all of it, and an end. */

export const addApiTokenSchema = z.strictObject({
  name: nameSchema,
  role: roleSchema,
  lifetimeSeconds: z
    .int()
    .min(1)
    .max(limits.apiTokenLifetimeMax / 1000)
    .optional(),
  /** Absent: all that the role may. */
  scopes: scopesSchema.optional(),
});
export type AddApiToken = z.infer<typeof addApiTokenSchema>;

/** What of its role a token may use; null: all of it. */
export const heldScopesSchema = z.array(z.string()).nullable();

export const apiTokenSchema = z.object({
  name: nameSchema,
  role: roleSchema,
  scopes: heldScopesSchema,
  createdAt: timestampSchema,
  /** Null: it is in the data directory, and stays good as long as it stands there. */
  expiresAt: timestampSchema.nullable(),
  /** To the minute. */
  lastUsedAt: timestampSchema.nullable(),
});
export type ApiTokenView = z.infer<typeof apiTokenSchema>;

/** The only time that the token's text is shown. */
export const newApiTokenSchema = z.object({
  name: nameSchema,
  role: roleSchema,
  scopes: heldScopesSchema,
  token: z.string(),
  expiresAt: timestampSchema,
});
export type NewApiToken = z.infer<typeof newApiTokenSchema>;

export const apiTokenEndpoints = {
  list: {
    method: 'get',
    path: '/api-tokens',
    summary: 'List API tokens, by name',
    query: pageQuerySchema,
    answer: pageOf(apiTokenSchema),
  },
  add: {
    method: 'post',
    path: '/api-tokens',
    summary: 'Make an API token',
    body: addApiTokenSchema,
    answer: newApiTokenSchema,
    status: 201,
  },
  remove: {
    method: 'delete',
    path: '/api-tokens/:name',
    summary: 'Remove an API token: it stops working, and its sessions end',
    answer: z.object({}),
  },
} as const;
