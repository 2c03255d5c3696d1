import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { peerChain, type Revocations } from '@netport/pki';
import { controlSubprotocol, NetportError } from '@netport/protocol';
import { answerBare } from '../bare-answer.js';
import { problemOf } from '../problem.js';
import { checkStanding, identifyMember, type MemberIdentity } from '../state/certificates.js';
import type { StateContext } from '../state/context.js';

/**
 * Who may open a control session: a portal or relay whose certificate is good, by the revocation list and by the store,
 * and that still exists. Throws `not_found`, `protocol_error`, `cert_*`.
 */
export async function admit(
  context: StateContext,
  request: IncomingMessage,
  revocations: () => Revocations,
): Promise<MemberIdentity> {
  const { pathname } = new URL(request.url ?? '/', 'https://control');
  if (pathname !== '/control') throw new NetportError('not_found', 'the control channel is at /control');
  const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
  if (!offered.includes(controlSubprotocol)) {
    throw new NetportError('protocol_error', `the WebSocket subprotocol ${controlSubprotocol} is required`);
  }
  if (!(request.socket instanceof TLSSocket)) throw new NetportError('cert_missing', 'the control channel needs TLS');
  const identity = identifyMember(context, peerChain(request.socket), revocations());
  await checkStanding(context.store.records, identity);
  return identity;
}

/** Answers a refused upgrade with problem details, on the bare socket that it left. */
export function refuseUpgrade(socket: Duplex, error: NetportError): void {
  answerBare(socket, error.status, { type: 'application/problem+json', text: JSON.stringify(problemOf(error)) });
}
