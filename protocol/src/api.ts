import { z } from 'zod';
import { auditEndpoints } from './api-audit.js';
import { authorityEndpoints } from './api-authority.js';
import { deviceAuthorityEndpoints } from './api-device-authority.js';
import { explainEndpoints } from './api-explain.js';
import { liveEndpoint } from './api-live.js';
import { localAdminEndpoints } from './api-local-admin.js';
import { countedPageOf, pageOf, pageQuerySchema, searchQuerySchema } from './api-page.js';
import { pairActions } from './api-pair.js';
import { policyEndpoints } from './api-policy.js';
import { sessionEndpoints } from './api-session.js';
import { apiTokenEndpoints } from './api-token.js';
import {
  certificateSummarySchema,
  circuitSchema,
  pairSchema,
  portalSchema,
  relaySchema,
  streamSchema,
  tokenSchema,
  tunnelSchema,
} from './api-views.js';
import { errorCodes } from './errors.js';
import { labelsSchema } from './label.js';
import { limits } from './limits.js';
import { nameSchema } from './names.js';
import { timestampSchema } from './policy.js';
import { roleSchema } from './role.js';

export * from './api-audit.js';
export * from './api-authority.js';
export * from './api-device-authority.js';
export * from './api-explain.js';
export * from './api-live.js';
export * from './api-local-admin.js';
export * from './api-page.js';
export * from './api-pair.js';
export * from './api-session.js';
export * from './api-token.js';
export * from './api-views.js';

/** The admin API's bodies and its list of endpoints: the server's routers, the CLI and the OpenAPI document are made from it. */

const nothing = z.object({});

export const addMemberSchema = z.strictObject({ name: nameSchema, labels: labelsSchema.default({}) });
export const changeMemberSchema = z.strictObject({ labels: labelsSchema });
export const addTokenSchema = z.strictObject({
  lifetimeSeconds: z
    .int()
    .min(1)
    .max(limits.joinTokenLifetimeMax / 1000)
    .optional(),
});
/** The only time that the token's text is shown. */
export const newTokenSchema = z.object({ name: nameSchema, token: z.string(), expiresAt: timestampSchema });
export type NewToken = z.infer<typeof newTokenSchema>;

/** RFC 9457 problem details, with our `code` and one entry for each field that is wrong. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(errorCodes),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof problemSchema>;

export const whoamiSchema = z.object({
  actor: z.string(),
  role: roleSchema,
  /** The endpoints that this role may use, as `pair.add`: what a page has no need to offer is not in it. */
  may: z.array(z.string()),
  trustDomain: z.string(),
  version: z.string(),
});

export interface ApiEndpoint {
  method: 'get' | 'post' | 'patch' | 'delete';
  /** Express notation, below `/api/v1`. */
  path: string;
  summary: string;
  query?: z.ZodType;
  body?: z.ZodType;
  /** The largest body, where it is not `limits.apiBodyBytes`. */
  bodyBytes?: number;
  /** The schema of the body is for readers: what is wrong with it is part of the answer. */
  bodyUnchecked?: true;
  answer: z.ZodType;
  /** 303: the browser goes on elsewhere, and there is no answer to read. */
  status?: 200 | 201 | 303;
  /** Of the answer; JSON unless given. */
  contentType?: 'text/event-stream';
  /** The answer has a revision, which is its ETag; a change can be bound to it with If-Match. */
  revisioned?: true;
  /** Who signed in and has the role that it takes, unless given. */
  access?: 'anyone';
}

const members = <Kind extends 'portal' | 'relay', View extends z.ZodType>(kind: Kind, view: View) =>
  ({
    list: {
      method: 'get',
      path: `/${kind}s`,
      summary: `List ${kind}s, by name`,
      query: searchQuerySchema,
      answer: countedPageOf(view),
    },
    add: {
      method: 'post',
      path: `/${kind}s`,
      summary: `Add a ${kind} and make its join token`,
      body: addMemberSchema,
      answer: newTokenSchema,
      status: 201,
    },
    show: { method: 'get', path: `/${kind}s/:name`, summary: `Show one ${kind}`, answer: view },
    change: {
      method: 'patch',
      path: `/${kind}s/:name`,
      summary: `Give a ${kind} other labels`,
      body: changeMemberSchema,
      answer: view,
    },
    remove: {
      method: 'delete',
      path: `/${kind}s/:name`,
      summary: `Remove a ${kind}: revoke its certificates, end its sessions, and drop its access pairs`,
      answer: nothing,
    },
    token: {
      method: 'post',
      path: `/${kind}s/:name/tokens`,
      summary: `Make a new join token for a ${kind}`,
      body: addTokenSchema,
      answer: newTokenSchema,
      status: 201,
    },
    revoke: {
      method: 'post',
      path: `/${kind}s/:name/revoke`,
      summary: `Revoke every certificate of a ${kind} and end its sessions; a new join token lets it come back`,
      answer: nothing,
    },
  }) as const;

export const endpoints = {
  session: sessionEndpoints,
  whoami: { method: 'get', path: '/whoami', summary: 'Who this token or session is', answer: whoamiSchema },
  portal: members('portal', portalSchema),
  relay: members('relay', relaySchema),
  token: {
    list: {
      method: 'get',
      path: '/tokens',
      summary: 'List join tokens, newest first',
      query: pageQuerySchema,
      answer: pageOf(tokenSchema),
    },
    remove: { method: 'delete', path: '/tokens/:id', summary: 'Withdraw a join token', answer: nothing },
  },
  pair: {
    list: {
      method: 'get',
      path: '/pairs',
      summary: 'List access pairs, by name',
      query: searchQuerySchema,
      answer: countedPageOf(pairSchema),
    },
    ...pairActions,
  },
  circuit: {
    list: {
      method: 'get',
      path: '/circuits',
      summary: 'List live circuits',
      query: pageQuerySchema,
      answer: pageOf(circuitSchema),
    },
  },
  tunnel: {
    list: {
      method: 'get',
      path: '/tunnels',
      summary: 'List live tunnels',
      query: pageQuerySchema,
      answer: pageOf(tunnelSchema),
    },
  },
  stream: {
    list: {
      method: 'get',
      path: '/streams',
      summary: 'List live streams',
      query: pageQuerySchema,
      answer: pageOf(streamSchema),
    },
  },
  live: liveEndpoint,
  audit: auditEndpoints,
  ...explainEndpoints,
  certificate: {
    list: {
      method: 'get',
      path: '/certificates',
      summary: 'List issued certificates, newest first',
      query: pageQuerySchema,
      answer: pageOf(certificateSummarySchema),
    },
  },
  authority: authorityEndpoints,
  deviceAuthority: deviceAuthorityEndpoints,
  policy: policyEndpoints,
  apiToken: apiTokenEndpoints,
  localAdmin: localAdminEndpoints,
} as const satisfies Record<string, ApiEndpoint | Record<string, ApiEndpoint>>;

export type BodyOf<E> = E extends { body: infer B extends z.ZodType } ? z.input<B> : undefined;
export type AnswerOf<E> = E extends { answer: infer A extends z.ZodType } ? z.output<A> : never;
