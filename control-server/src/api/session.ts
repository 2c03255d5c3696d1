import { endpoints, limits, NetportError } from '@netport/protocol';
import { Router } from 'express';
import { publicError } from '../problem.js';
import { perMinute, RateLimits } from '../rate-limit.js';
import { signInWithToken, signOut, signOutEverywhere } from '../state/admin-sessions.js';
import { unchanged } from '../state/change.js';
import { PasswordSignIn } from '../state/password-sign-in.js';
import { sourceOf } from '../strangers.js';
import { sessionSecret, setSessionCookie } from './authentication.js';
import { serve } from './serve.js';
import type { Services } from './services.js';

/** Signing in and out. */
export function sessionRouter(services: Services): Router {
  const router = Router();
  const { context, live, refusals, passwords } = services;
  const { add, remove, removeAll, password } = endpoints.session;
  const attempts = new RateLimits((now) => perMinute(limits.signInsPerMinute, now), limits.signInSources);
  const byPassword = new PasswordSignIn(context, passwords);

  serve(router, services, add, async ({ actor, body, request }) => {
    const source = sourceOf(request.socket);
    try {
      if (!attempts.take(source, context.now().getTime())) {
        throw new NetportError('rate_limited', 'too many tries to sign in from this address: wait a minute');
      }
      const { secret, ...session } =
        'token' in body
          ? await signInWithToken(context, actor.origin, body.token)
          : await byPassword.signIn({ origin: actor.origin, source }, body.name, body.password);
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

  serve(router, services, removeAll, async ({ actor }) => {
    await signOutEverywhere(context, actor);
    live.checkWatchers();
    return { ...unchanged({}), headers: { 'set-cookie': setSessionCookie() } };
  });

  serve(router, services, password, async ({ actor, body, request }) => {
    await byPassword.change(actor, { source: sourceOf(request.socket), secret: sessionSecret(request) }, body);
    live.checkWatchers();
    return unchanged({});
  });
  return router;
}
