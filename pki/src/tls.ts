import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { type ErrorCode, limits, NetportError } from '@netport/protocol';

/**
 * The chain that the peer of a finished handshake presented, DER, leaf first; empty when it presented none. It may lack the
 * issuers (see `Trust.intermediatePems`).
 */
export function peerChain(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  // A root is its own issuer, which ends the walk.
  while (certificate?.raw && chain.length <= limits.chainLength) {
    chain.push(certificate.raw);
    const issuer: DetailedPeerCertificate | undefined = certificate.issuerCertificate;
    certificate = issuer === certificate || issuer?.raw?.equals(certificate.raw) ? undefined : issuer;
  }
  return chain;
}

/** What OpenSSL's names for a failed check mean here: its verification errors, and the alerts that a peer sends. */
const codes: [RegExp, ErrorCode][] = [
  [/^CERT_NOT_YET_VALID$/, 'cert_not_yet_valid'],
  [/^CERT_HAS_EXPIRED$|ALERT_CERTIFICATE_EXPIRED/, 'cert_expired'],
  [/^CERT_REVOKED$|ALERT_CERTIFICATE_REVOKED/, 'cert_revoked'],
  [/^INVALID_PURPOSE$|ALERT_UNSUPPORTED_CERTIFICATE/, 'cert_wrong_usage'],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'cert_wrong_name'],
  [/ALERT_CERTIFICATE_REQUIRED|PEER_DID_NOT_RETURN_A_CERTIFICATE/, 'cert_missing'],
  [/SELF_SIGNED|UNABLE_TO_|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE|CERT_CHAIN_TOO_LONG/, 'cert_untrusted'],
  [/ALERT_UNKNOWN_CA|ALERT_BAD_CERTIFICATE|ALERT_CERTIFICATE_UNKNOWN/, 'cert_untrusted'],
];

/** An error of node:tls as ours; what is no certificate's fault becomes `tunnel_failed`. */
export function tlsError(error: Error & { code?: string }): NetportError {
  if (error instanceof NetportError) return error;
  const name = error.code ?? error.message;
  const code = codes.find(([pattern]) => pattern.test(name))?.[1] ?? 'tunnel_failed';
  return new NetportError(code, `TLS: ${error.message}`, { cause: error });
}
