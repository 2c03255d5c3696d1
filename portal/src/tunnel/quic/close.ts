import { type ErrorCode, isErrorCode, NetportError, printable, type SpiffeId } from '@netport/protocol';
import type { Connection } from './binding.js';

/** Application error codes of CONNECTION_CLOSE. */
export const closeCodes = { drained: 0, closed: 1 } as const;
/** Application error code of RESET_STREAM and STOP_SENDING: there is one reason only, as TCP has one. */
export const streamReset = 1;

/** TLS alerts (RFC 8446 §6) are connection errors from here on (RFC 9001 §4.8). */
const firstAlert = 0x100;
const alerts: Record<number, ErrorCode> = {
  42: 'cert_untrusted',
  43: 'cert_wrong_usage',
  44: 'cert_revoked',
  45: 'cert_expired',
  46: 'cert_untrusted',
  48: 'cert_untrusted',
  116: 'cert_missing',
};

/** Why a connection is over. */
export function closeReason(connection: Connection, peer: SpiffeId): NetportError {
  const remote = connection.peerError();
  const local = connection.localError();
  if (remote?.isApp) {
    const drained = remote.errorCode === closeCodes.drained;
    const said = printable(Buffer.from(remote.reason).toString());
    if (drained) return new NetportError('draining', `${peer} drained the tunnel`);
    // It begins with its code. Only silence is to count against the path.
    const [code] = said.split(':', 1);
    return new NetportError(isErrorCode(code) ? code : 'tunnel_lost', `${peer} closed the tunnel: ${said}`);
  }
  const error = remote ?? local;
  const by = remote ? peer : 'this side';
  if (!error) return new NetportError('tunnel_lost', `no packet from ${peer}`);
  const alert = error.errorCode - firstAlert;
  return alert >= 0 && alert < 0x100
    ? new NetportError(
        alerts[alert] ?? 'tunnel_failed',
        `QUIC: ${by} refused the certificate or the handshake (TLS alert ${alert})`,
      )
    : new NetportError('tunnel_lost', `QUIC: ${by} ended the connection with error ${error.errorCode}`);
}
