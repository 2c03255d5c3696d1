import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { type PeerIdentity, peerChain, type Revocations, verifyPeer } from '@netport/pki';
import { asNetportError, controlSubprotocol, NetportError } from '@netport/protocol';
import { problemOf } from '../api/problem.js';
import type { StateContext } from '../state/context.js';
import type { Member, MemberKind } from '../store/store.js';

export interface Admitted {
  identity: PeerIdentity & { kind: MemberKind };
  member: Member;
}

/**
 * Who may open a control session: a portal or relay whose certificate is good, by the revocation list and by the store,
 * and that still exists. Throws `not_found`, `protocol_error`, `cert_*`.
 */
export async function admit(
  context: StateContext,
  request: IncomingMessage,
  revocations: () => Revocations,
): Promise<Admitted> {
  const { pathname } = new URL(request.url ?? '/', 'https://control');
  if (pathname !== '/control') throw new NetportError('not_found', 'the control channel is at /control');
  const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
  if (!offered.includes(controlSubprotocol)) {
    throw new NetportError('protocol_error', `the WebSocket subprotocol ${controlSubprotocol} is required`);
  }
  if (!(request.socket instanceof TLSSocket)) throw new NetportError('cert_missing', 'the control channel needs TLS');
  const peer = verifyPeer({
    chain: peerChain(request.socket),
    trust: { rootPems: [context.authority.rootPem], revocations: revocations() },
    now: context.now(),
    usage: 'client',
    expect: { kind: ['portal', 'relay'], trustDomain: context.trustDomain },
  });
  const identity = { ...peer, kind: peer.kind as MemberKind };
  const { members, certificates } = context.store.records;
  // The store knows of a revocation before the list does.
  if (!(await certificates.isGood(identity.serial))) {
    throw new NetportError('cert_revoked', `the certificate of ${identity.id} was revoked`);
  }
  const member = await members.find(identity.kind, identity.name);
  if (!member) throw new NetportError('cert_revoked', `${identity.id} was removed`);
  return { identity, member };
}

/** Answers a refused upgrade with problem details, on the bare socket that it left. */
export function refuseUpgrade(socket: Duplex, thrown: unknown): void {
  const error = asNetportError(thrown);
  const body = JSON.stringify(problemOf(error));
  const fields = [
    `HTTP/1.1 ${error.status} ${error.code}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${fields.join('\r\n')}\r\n\r\n${body}`);
}
