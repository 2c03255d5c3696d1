import { limits, NetportError, sessionCookie } from '@netport/protocol';
import type { Request } from 'express';
import { originOf } from '../origin.js';
import { decide, needed } from '../policy/roles.js';
import { publicError } from '../problem.js';
import { authenticate } from '../state/admin.js';
import { sessionPrincipal } from '../state/admin-sessions.js';
import type { Actor, Principal } from '../state/context.js';
import { ownsPair } from '../state/pairs.js';
import type { Services } from './services.js';

/**
 * Who asks, by bearer token or by session cookie, if he may use the endpoint of this name; refusals are written down. Throws
 * `unauthenticated` or `forbidden`.
 */
export async function authorise(services: Services, request: Request, endpoint: string): Promise<Principal> {
  const { strangers } = services;
  let actor: Actor = { name: 'anonymous', origin: originOf(request.socket) };
  try {
    const principal = await whoAsks(services, request, true);
    actor = principal;
    strangers.known(request.socket);
    await refuseUnlessMay(services, principal, endpoint, request);
    return principal;
  } catch (thrown) {
    await writeRefusal(services, actor, request, thrown);
    throw thrown;
  }
}

/** Writes down that a request was refused. */
export const writeRefusal = ({ refusals }: Services, actor: Actor, request: Request, thrown: unknown): Promise<void> =>
  refusals.request(actor, `${request.method} ${request.baseUrl}${request.path}`, publicError(thrown));

async function refuseUnlessMay(
  { context }: Services,
  principal: Principal,
  endpoint: string,
  request: Request,
): Promise<void> {
  const decision = decide(principal, endpoint);
  if (decision === 'allow') return;
  if (decision === 'own' && (await ownsPair(context, principal, String(request.params.name)))) return;
  const { name, role, scopes } = principal;
  const has = scopes === null ? '' : ` with the scopes ${scopes.join(', ')}`;
  throw new NetportError('forbidden', `${needed(principal, endpoint)}; ${name} has the role ${role}${has}`);
}

/** Whether who began this request may still do so; asking does not keep a session from going idle. */
export const stillSignedIn = (services: Services, request: Request): Promise<boolean> =>
  whoAsks(services, request, false).then(
    () => true,
    (thrown) => publicError(thrown).code !== 'unauthenticated',
  );

async function whoAsks({ context }: Services, request: Request, use: boolean): Promise<Principal> {
  const authorization = request.get('authorization');
  const origin = originOf(request.socket);
  const secret = sessionSecret(request);
  if (authorization !== undefined || secret === undefined) return authenticate(context, authorization, origin);
  // Browsers send cookies along whoever made the request: only this server's own pages may change something with one.
  if (request.method !== 'GET' && !isSameOrigin(request)) {
    throw new NetportError('forbidden', 'this request comes from a page of another site, or does not say from where');
  }
  return sessionPrincipal(context, secret, origin, use);
}

/** The secret in the session cookie. */
export const sessionSecret = (request: Request): string | undefined => cookieOf(request, sessionCookie);

/** The value of a cookie, as it was sent. */
export function cookieOf(request: Request, name: string): string | undefined {
  const cookies = (request.get('cookie') ?? '').split(/; */);
  return cookies.find((cookie) => cookie.startsWith(`${name}=`))?.slice(name.length + 1);
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
