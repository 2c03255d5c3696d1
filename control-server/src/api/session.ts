import { endpoints, limits, NetportError } from '@netport/protocol';
import { Router } from 'express';
import { sourceAddress } from '../origin.js';
import { publicError } from '../problem.js';
import { perMinute, RateLimits } from '../rate-limit.js';
import { signInWithToken, signOut } from '../state/admin-sessions.js';
import { unchanged } from '../state/change.js';
import { sessionSecret, setSessionCookie } from './authentication.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

/** Signing in and out. */
export function sessionRouter(services: Services): Router {
  const router = Router();
  const { context, live, refusals } = services;
  const { add, remove } = endpoints.session;
  const attempts = new RateLimits((now) => perMinute(limits.signInsPerMinute, now), limits.signInSources);

  serve(router, services, add, async ({ actor, body, request }) => {
    try {
      if (!attempts.take(sourceAddress(request.socket) ?? '', context.now().getTime())) {
        throw new NetportError('rate_limited', 'too many tries to sign in from this address: wait a minute');
      }
      const { secret, ...session } = await signInWithToken(context, actor.origin, body.token);
      return { ...unchanged(session), headers: { 'set-cookie': setSessionCookie(secret) } };
    } catch (thrown) {
      await refusals.request(actor, 'POST /api/v1/session', publicError(thrown));
      throw thrown;
    }
  });

  serve(router, services, remove, async ({ actor, request }) => {
    const secret = sessionSecret(request);
    if (secret !== undefined) {
      await signOut(context, actor, secret);
      live.checkWatchers();
    }
    return { ...unchanged({}), headers: { 'set-cookie': setSessionCookie() } };
  });
  return router;
}
