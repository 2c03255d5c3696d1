import { type ErrorCode, NetportError } from '@netport/protocol';

/** Node's and OpenSSL's names for what can go wrong before an answer arrives. */
const codes: Record<string, { code: ErrorCode; why: string }> = {
  ECONNREFUSED: { code: 'unavailable', why: 'nothing listens there' },
  ECONNRESET: { code: 'unavailable', why: 'the connection was closed' },
  EPIPE: { code: 'unavailable', why: 'the connection was closed' },
  ENOTFOUND: { code: 'unavailable', why: 'the name does not resolve' },
  EAI_AGAIN: { code: 'unavailable', why: 'the name does not resolve now' },
  EHOSTUNREACH: { code: 'unavailable', why: 'no route to that host' },
  ENETUNREACH: { code: 'unavailable', why: 'no route to that network' },
  ETIMEDOUT: { code: 'unavailable', why: 'no answer in time' },
  EPROTO: { code: 'protocol_error', why: 'it does not speak TLS 1.3; is this the port of the control server?' },
  CERT_HAS_EXPIRED: { code: 'cert_expired', why: 'its certificate has expired' },
  CERT_NOT_YET_VALID: { code: 'cert_not_yet_valid', why: 'its certificate is not valid yet' },
  CERT_REVOKED: { code: 'cert_revoked', why: 'its certificate was revoked' },
};

const untrusted = new Set([
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** A failed request to `origin` in our words, with the original as its cause. */
export function connectionError(origin: string, error: NodeJS.ErrnoException): NetportError {
  const refuse = (code: ErrorCode, why: string) =>
    new NetportError(code, `cannot talk to ${origin}: ${why}`, { cause: error });
  const name = error.code ?? '';
  if (untrusted.has(name)) {
    return refuse(
      'cert_untrusted',
      'its certificate does not chain to a root CA that you trust, and no such root has certified another. If its root CA was ' +
        `replaced, get root.pem from the data directory of that control server: netport login ${origin} --ca root.pem, or NETPORT_CA. ` +
        'If that is what you have, somebody else answers at that address',
    );
  }
  if (name === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const { host, cert } = error as { host?: string; cert?: { subjectaltname?: string } };
    return refuse(
      'cert_wrong_name',
      `its certificate is not for ${host}; it names ${cert?.subjectaltname ?? 'nobody'}. Use one of those names in the URL, or start the control server with a --public-url that you can use here`,
    );
  }
  const known = codes[name];
  return refuse(known?.code ?? 'unavailable', known?.why ?? error.message);
}
