import { z } from 'zod';
import { newPasswordSchema } from './api-local-admin.js';
import { limits } from './limits.js';
import { timestampSchema } from './policy.js';
import { roleSchema } from './role.js';

/** Sessions of the admin page: a token or a password, once, for a cookie that no script can read. */

/** `__Host-`: browsers take it only over TLS, for this host alone and for all of its paths. */
export const sessionCookie = '__Host-netport-session';

export const signInSchema = z.union([
  z.strictObject({ token: z.string().max(256) }),
  z.strictObject({ name: z.string().max(64), password: z.string().max(limits.passwordMax) }),
]);

export const sessionSchema = z.object({ actor: z.string(), role: roleSchema, expiresAt: timestampSchema });
export type SessionView = z.infer<typeof sessionSchema>;

export const sessionEndpoints = {
  add: {
    method: 'post',
    path: '/session',
    summary: 'Sign in: exchange an API token, or the name and password of a local admin, for a session cookie',
    access: 'anyone',
    body: signInSchema,
    bodyBytes: limits.signInBytes,
    answer: sessionSchema,
    status: 201,
  },
  methods: {
    method: 'get',
    path: '/session',
    summary: 'How one can sign in here, besides with a token or a password',
    access: 'anyone',
    answer: z.object({ oidc: z.object({ name: z.string() }).nullable() }),
  },
  oidc: {
    method: 'get',
    path: '/session/oidc',
    summary: 'Sign in with the OpenID provider: go there',
    access: 'anyone',
    answer: z.object({}),
    status: 303,
  },
  oidcCallback: {
    method: 'get',
    path: '/session/oidc/callback',
    summary: 'Come back from the OpenID provider, for a session cookie',
    access: 'anyone',
    answer: z.object({}),
    status: 303,
  },
  remove: { method: 'delete', path: '/session', summary: 'Sign out: end this session', answer: z.object({}) },
  removeAll: {
    method: 'delete',
    path: '/sessions',
    summary: 'Sign out everywhere: end every session of whoever asks',
    answer: z.object({}),
  },
  password: {
    method: 'post',
    path: '/session/password',
    summary: 'Change the own password, as a local admin; every other session of his ends',
    body: z.strictObject({ current: z.string().max(limits.passwordMax), next: newPasswordSchema }),
    bodyBytes: limits.signInBytes,
    answer: z.object({}),
  },
} as const;
