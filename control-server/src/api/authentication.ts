import { limits, NetportError, sessionCookie } from '@netport/protocol';
import type { Request } from 'express';
import { originOf } from '../origin.js';
import { publicError } from '../problem.js';
import { authenticate } from '../state/admin.js';
import { sessionActor } from '../state/admin-sessions.js';
import type { Actor } from '../state/context.js';
import type { Services } from './services.js';

/** Who asks, by bearer token or by session cookie; refusals are written down. Throws `unauthenticated` or `forbidden`. */
export async function actorOf(services: Services, request: Request): Promise<Actor> {
  try {
    return await whoAsks(services, request, true);
  } catch (thrown) {
    const what = `${request.method} ${request.baseUrl}${request.path}`;
    await services.refusals.request(originOf(request.socket), what, publicError(thrown));
    throw thrown;
  }
}

/** Whether who began this request may still do so; asking does not keep a session from going idle. */
export const stillSignedIn = (services: Services, request: Request): Promise<boolean> =>
  whoAsks(services, request, false).then(
    () => true,
    (thrown) => publicError(thrown).code !== 'unauthenticated',
  );

async function whoAsks({ context }: Services, request: Request, use: boolean): Promise<Actor> {
  const authorization = request.get('authorization');
  const origin = originOf(request.socket);
  const secret = sessionSecret(request);
  if (authorization !== undefined || secret === undefined) return authenticate(context, authorization, origin);
  // Browsers send cookies along whoever made the request: only this server's own pages may change something with one.
  if (request.method !== 'GET' && !isSameOrigin(request)) {
    throw new NetportError('forbidden', 'this request comes from a page of another site, or does not say from where');
  }
  return sessionActor(context, secret, origin, use);
}

/** The secret in the session cookie. */
export function sessionSecret(request: Request): string | undefined {
  const cookies = (request.get('cookie') ?? '').split(/; */);
  return cookies.find((cookie) => cookie.startsWith(`${sessionCookie}=`))?.slice(sessionCookie.length + 1);
}

/** `Set-Cookie`; without a secret, one that makes the browser forget. */
export const setSessionCookie = (secret?: string): string => {
  const lifetime = secret === undefined ? 0 : limits.adminSessionLifetime / 1000;
  return `${sessionCookie}=${secret ?? ''}; HttpOnly; Secure; SameSite=Strict; Path=/; Max-Age=${lifetime}`;
};

/** Fetch Metadata says it in every browser of today; the others send `Origin`. */
function isSameOrigin(request: Request): boolean {
  const site = request.get('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin';
  return request.get('origin') === `https://${request.get('host')}`;
}
