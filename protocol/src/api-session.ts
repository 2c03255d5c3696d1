import { z } from 'zod';
import { limits } from './limits.js';
import { timestampSchema } from './policy.js';
import { roleSchema } from './role.js';

/** Sessions of the admin page: a token, once, for a cookie that no script can read. */

/** `__Host-`: browsers take it only over TLS, for this host alone and for all of its paths. */
export const sessionCookie = '__Host-netport-session';

export const signInSchema = z.strictObject({ token: z.string().max(256) });

export const sessionSchema = z.object({ actor: z.string(), role: roleSchema, expiresAt: timestampSchema });
export type SessionView = z.infer<typeof sessionSchema>;

export const sessionEndpoints = {
  add: {
    method: 'post',
    path: '/session',
    summary: 'Sign in: exchange an admin token for a session cookie',
    access: 'anyone',
    body: signInSchema,
    bodyBytes: limits.signInBytes,
    answer: sessionSchema,
    status: 201,
  },
  remove: { method: 'delete', path: '/session', summary: 'Sign out: end this session', answer: z.object({}) },
} as const;
