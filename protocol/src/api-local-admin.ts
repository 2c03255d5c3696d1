import { z } from 'zod';
import { pageOf, pageQuerySchema } from './api-page.js';
import { limits } from './limits.js';
import { nameSchema } from './names.js';
import { timestampSchema } from './policy.js';
import { roleSchema } from './role.js';

/** Local admins: people who sign in with a name and a password that this control server keeps. */

export const newPasswordSchema = z.string().min(limits.passwordMin).max(limits.passwordMax);

export const addLocalAdminSchema = z.strictObject({
  name: nameSchema,
  role: roleSchema,
  /** One is made, and shown in the answer, unless given. */
  password: newPasswordSchema.optional(),
});
export type AddLocalAdmin = z.infer<typeof addLocalAdminSchema>;

export const changeLocalAdminSchema = z.strictObject({
  role: roleSchema.optional(),
  /** Null: make one, and show it in the answer. */
  password: newPasswordSchema.nullable().optional(),
});
export type ChangeLocalAdmin = z.infer<typeof changeLocalAdminSchema>;

export const localAdminSchema = z.object({
  name: nameSchema,
  role: roleSchema,
  createdAt: timestampSchema,
  lastSignInAt: timestampSchema.nullable(),
});
export type LocalAdminView = z.infer<typeof localAdminSchema>;

/** `password`: the one that was made just now; it is shown this once. */
export const keptLocalAdminSchema = localAdminSchema.extend({ password: z.string().optional() });
export type KeptLocalAdmin = z.infer<typeof keptLocalAdminSchema>;

export const localAdminEndpoints = {
  list: {
    method: 'get',
    path: '/admins',
    summary: 'List local admins, by name',
    query: pageQuerySchema,
    answer: pageOf(localAdminSchema),
  },
  add: {
    method: 'post',
    path: '/admins',
    summary: 'Add a local admin',
    body: addLocalAdminSchema,
    answer: keptLocalAdminSchema,
    status: 201,
  },
  change: {
    method: 'patch',
    path: '/admins/:name',
    summary: 'Give a local admin another role or another password; the latter ends his sessions',
    body: changeLocalAdminSchema,
    answer: keptLocalAdminSchema,
  },
  remove: {
    method: 'delete',
    path: '/admins/:name',
    summary: 'Remove a local admin and end his sessions',
    answer: z.object({}),
  },
} as const;
