import { type ErrorCode, NetportError } from '@netport/protocol';

/** The only place where what the operating system says becomes one of our codes. */
const codes: Readonly<Record<string, ErrorCode>> = {
  EADDRINUSE: 'address_in_use',
  EADDRNOTAVAIL: 'address_unavailable',
  EAFNOSUPPORT: 'address_unavailable',
  EACCES: 'permission_denied',
  EPERM: 'permission_denied',
  ECONNREFUSED: 'connect_refused',
  // A unix socket that is not there.
  ENOENT: 'connect_refused',
  ECONNRESET: 'stream_reset',
  EPIPE: 'stream_reset',
  ETIMEDOUT: 'connect_timeout',
  EHOSTUNREACH: 'host_unreachable',
  ENETUNREACH: 'host_unreachable',
  EHOSTDOWN: 'host_unreachable',
  ENETDOWN: 'host_unreachable',
  ENOTFOUND: 'dns_failed',
  EAI_AGAIN: 'dns_failed',
  EAI_FAIL: 'dns_failed',
  EAI_NODATA: 'dns_failed',
  EMFILE: 'limit_exceeded',
  ENFILE: 'limit_exceeded',
};

/** An error of node:net or node:fs as ours; one that is not in the table becomes `fallback`. */
export function systemError(thrown: unknown, fallback: ErrorCode, context: string): NetportError {
  if (thrown instanceof NetportError) return thrown;
  // A name with several addresses fails with one error for each.
  const error: unknown = thrown instanceof AggregateError ? (thrown.errors[0] ?? thrown) : thrown;
  const errno = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message || errno : String(error);
  return new NetportError(codes[errno] ?? fallback, `${context}: ${message}`, { cause: thrown });
}
