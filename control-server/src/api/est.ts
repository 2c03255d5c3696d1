import { TLSSocket } from 'node:tls';
import { encodeCertsOnly, type Issued, peerChain, pemsIn } from '@netport/pki';
import { decodeJoinToken, limits, type Name, NetportError } from '@netport/protocol';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { originOf } from '../origin.js';
import { publicError } from '../problem.js';
import { perMinute, RateLimits } from '../rate-limit.js';
import { checkStanding, identifyMember, type MemberIdentity } from '../state/certificates.js';
import { enrolDevice, identifyDevice } from '../state/device-enrolment.js';
import { enrol, renew } from '../state/enrol.js';
import { readBody } from './body.js';
import { sendProblem } from './errors.js';
import type { Services } from './services.js';

/**
 * Enrolment over Secure Transport (RFC 7030), with a join token as the password of HTTP Basic, with the TLS client
 * certificate that is to be renewed, or with the one that a manufacturer gave its device (§3.3.2).
 */
export function estRouter(services: Services): Router {
  const router = Router();
  const { context, bus, refusals, strangers } = services;
  const devices = new RateLimits((now) => perMinute(limits.deviceEnrolmentsPerMinute, now), limits.deviceSources);
  const renewals = new RateLimits((now) => perMinute(limits.renewalsPerMinute, now), limits.renewalSources);

  router.get('/cacerts', (_request, response) => {
    const { rootPem, issuerPem, linkPems } = context.authority;
    sendCertificates(response, [rootPem, issuerPem, ...linkPems]);
  });

  const byDevice = async (request: Request, response: Response, chain: Uint8Array[]): Promise<void> => {
    const origin = originOf(request.socket);
    let name: Name | null = null;
    try {
      const device = await identifyDevice(context, chain);
      name = device.name;
      if (!devices.take(device.identity, context.now().getTime())) {
        throw new NetportError('rate_limited', `the device ${device.subject} enrols too often`);
      }
      const { value, change } = await enrolDevice(context, origin, device, await csrOf(request));
      bus.publish(change);
      sendChain(response, value);
    } catch (thrown) {
      await refusals.device(origin, name, publicError(thrown));
      throw thrown;
    }
  };

  router.post('/simpleenroll', async (request, response) => {
    const chain = clientChain(request);
    if (chain.length > 0 && request.get('authorization') === undefined) return byDevice(request, response, chain);
    const origin = originOf(request.socket);
    const token = passwordOf(request);
    try {
      const { value, change } = await enrol(context, origin, { token, csr: await csrOf(request) });
      bus.publish(change);
      sendChain(response, value);
    } catch (thrown) {
      const error = publicError(thrown);
      await refusals.enrolment(origin, token, error);
      if (error.status !== 401) throw thrown;
      response.set('www-authenticate', 'Basic realm="join token", charset="UTF-8"');
      sendProblem(response, error);
    }
  });

  /** Who is let in, before the body is read. */
  const requireMember: RequestHandler = async (request, response, next) => {
    try {
      const chain = clientChain(request);
      const member = identifyMember(context, chain);
      await checkStanding(context.store.records, member);
      if (!renewals.take(member.id, context.now().getTime())) {
        throw new NetportError('rate_limited', `${member.id} renews its certificate too often`);
      }
      strangers.known(request.socket);
      response.locals.renewing = { member, chain };
    } catch (thrown) {
      await refusals.renewal(originOf(request.socket), publicError(thrown));
      throw thrown;
    }
    next();
  };

  router.post('/simplereenroll', requireMember, async (request, response) => {
    const { member, chain } = response.locals.renewing as { member: MemberIdentity; chain: Uint8Array[] };
    const { value, change } = await renew(context, originOf(request.socket), member, {
      chain,
      csr: await csrOf(request),
    });
    bus.publish(change);
    sendChain(response, value);
  });
  return router;
}

/** What the client presented in TLS; empty where that was nothing. */
const clientChain = ({ socket }: Request): Uint8Array[] => (socket instanceof TLSSocket ? peerChain(socket) : []);

/** The password of HTTP Basic; empty when there is none. The user name may be left out; if not, it is the token's name. */
function passwordOf(request: Request): string {
  const [, encoded] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(request.get('authorization') ?? '') ?? [];
  const credentials = Buffer.from(encoded ?? '', 'base64').toString('utf8');
  const colon = credentials.indexOf(':');
  const user = credentials.slice(0, Math.max(colon, 0));
  const password = credentials.slice(colon + 1);
  if (user !== '' && userDiffers(user, password)) return '';
  return password;
}

function userDiffers(user: string, token: string): boolean {
  try {
    return decodeJoinToken(token).name !== user;
  } catch {
    return false;
  }
}

/** The body: base64 of PKCS#10 DER, in lines or not. Throws `csr_invalid`, `invalid_request` or `too_large`. */
async function csrOf(request: Request): Promise<Uint8Array> {
  if (!request.is('application/pkcs10')) {
    throw new NetportError('invalid_request', 'send the CSR as content type application/pkcs10');
  }
  const text = (await readBody(request, limits.csrBytes)).replace(/\s+/g, '');
  if (text === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) {
    throw new NetportError('csr_invalid', 'the body is not the base64 of a PKCS#10 request');
  }
  return Buffer.from(text, 'base64');
}

/** The issuer goes with the leaf, so that the answer is a chain ready for use. */
const sendChain = (response: Response, { chainPem }: Issued): void => sendCertificates(response, pemsIn(chainPem));

function sendCertificates(response: Response, pems: string[]): void {
  const lines = Buffer.from(encodeCertsOnly(pems)).toString('base64').replace(/.{64}/g, '$&\n');
  response
    .status(200)
    .set({ 'content-type': 'application/pkcs7-mime; smime-type=certs-only', 'content-transfer-encoding': 'base64' })
    .end(`${lines}\n`);
}
