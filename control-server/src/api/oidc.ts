import { endpoints, limits, NetportError } from '@netport/protocol';
import { type Request, type Response, Router } from 'express';
import type { PendingSignIn } from '../oidc.js';
import { originOf } from '../origin.js';
import { roleOfGroups } from '../policy/oidc-role.js';
import { publicError } from '../problem.js';
import { perMinute, RateLimits } from '../rate-limit.js';
import { openSession } from '../state/admin-sessions.js';
import { unchanged } from '../state/change.js';
import { sourceOf } from '../strangers.js';
import { cookieOf, setSessionCookie } from './authentication.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

const cookieName = '__Host-netport-oidc';

/** Signing in with a foreign provider: two redirects, so neither is a question with a JSON answer. */
export function oidcRouter(services: Services): Router {
  const router = Router();
  const { context, oidc, refusals } = services;
  const { methods, oidc: start, oidcCallback: callback } = endpoints.session;
  const attempts = new RateLimits((now) => perMinute(limits.signInsPerMinute, now), limits.signInSources);

  serve(router, services, methods, async () => unchanged({ oidc: oidc ? { name: oidc.options.issuer.host } : null }));

  /** Runs one step; what goes wrong is written down, and the page says it in words. */
  const step = (path: string, take: (request: Request, response: Response) => Promise<void>): void => {
    router.get(path, async (request, response) => {
      try {
        if (!attempts.take(sourceOf(request.socket), context.now().getTime())) {
          throw new NetportError('rate_limited', 'too many tries to sign in from this address: wait a minute');
        }
        await take(request, response);
      } catch (thrown) {
        const error = publicError(thrown);
        services.log.info({ err: error.cause ?? error }, 'sign-in with the OpenID provider failed');
        const anonymous = { name: 'anonymous', origin: originOf(request.socket) };
        await refusals.request(anonymous, `GET /api/v1${path}`, error);
        if (error.code === 'not_found') throw error;
        response.append('set-cookie', setPending()).redirect(303, `/?refused=${error.code}`);
      }
    });
  };

  step(start.path, async (_request, response) => {
    const { url, pending } = await configured(oidc).start(new URL(`/api/v1${callback.path}`, context.publicUrl).href);
    response.set('set-cookie', setPending(pending)).redirect(303, url);
  });

  step(callback.path, async (request, response) => {
    const client = configured(oidc);
    const pending = readPending(request);
    if (!pending) throw new NetportError('unauthenticated', 'this browser did not begin to sign in, or took too long');
    const { subject, groups } = await client.finish(new URL(request.originalUrl, context.publicUrl), pending);
    // It becomes an actor's name, in lists and in the audit trail.
    if (!/^[\x21-\x7e]{1,255}$/.test(subject)) throw new NetportError('forbidden', 'the subject is no printable name');
    const role = roleOfGroups(groups, client.options.roles);
    if (!role) throw new NetportError('forbidden', `no group of oidc:${subject} has a role here (--oidc-role)`);
    const actor = { name: `oidc:${subject}`, origin: originOf(request.socket), role };
    const { secret } = await openSession(context, actor, { role });
    response.set('set-cookie', [setSessionCookie(secret), setPending()]).redirect(303, '/');
  });
  return router;
}

function configured(oidc: Services['oidc']): NonNullable<Services['oidc']> {
  if (!oidc) throw new NetportError('not_found', 'this server has no OpenID provider (--oidc-issuer)');
  return oidc;
}

/** `Lax`: the browser comes back from another site. Without what is pending, one that makes it forget. */
function setPending(pending?: PendingSignIn): string {
  const value = pending ? `${pending.state}.${pending.nonce}.${pending.verifier}` : '';
  const lifetime = pending ? limits.oidcSignIn / 1000 : 0;
  return `${cookieName}=${value}; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=${lifetime}`;
}

function readPending(request: Request): PendingSignIn | undefined {
  const [, state, nonce, verifier] = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(cookieOf(request, cookieName) ?? '') ?? [];
  return state && nonce && verifier ? { state, nonce, verifier } : undefined;
}
