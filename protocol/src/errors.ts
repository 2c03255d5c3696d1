/**
 * The closed list of error codes. Every refusal that leaves a Netport process, on the wire, in the API, in the audit
 * trail or in a log, carries exactly one of these. `status` is its HTTP status (admin API, and `:status` of a refused
 * CONNECT stream); `help` is what a person can do about it.
 */
export const errorTable = {
  // Requests to the API and messages on the control channel
  invalid_request: { status: 400, help: 'Correct the fields named in the message and send it again.' },
  unauthenticated: { status: 401, help: 'Send a valid token: netport login URL --ca FILE --token TOKEN.' },
  forbidden: { status: 403, help: 'This identity may not do that; use one that may.' },
  not_found: { status: 404, help: 'Check the name; list what exists with ls.' },
  already_exists: { status: 409, help: 'Choose another name, or remove the existing one first.' },
  conflict: { status: 409, help: 'Somebody changed it meanwhile: read it again, then repeat the change.' },
  too_large: { status: 413, help: 'Send less in one message; the limits are in protocol/src/limits.ts.' },
  rate_limited: { status: 429, help: 'Wait a little and try again.' },
  internal: { status: 500, help: 'This is a fault of the server: look into its log.' },
  unavailable: { status: 503, help: 'The service cannot be reached now: check that it runs, then try again.' },
  protocol_error: { status: 400, help: 'The peer does not speak this protocol as documented in docs/protocol.md.' },
  unknown_message: { status: 400, help: 'The message type is not known here: the two ends run different versions.' },

  // Enrolment
  token_invalid: { status: 401, help: 'Ask an admin for a new join token: netport portal|relay token NAME.' },
  token_expired: {
    status: 401,
    help: 'The join token is too old. Ask for a new one: netport portal|relay token NAME.',
  },
  token_used: { status: 401, help: 'A join token works once. Ask for a new one: netport portal|relay token NAME.' },
  csr_invalid: { status: 400, help: 'Send a PKCS#10 request with an EC P-256 key, signed by that key.' },

  // Certificates
  cert_missing: { status: 401, help: 'A client certificate is required: enrol first.' },
  cert_untrusted: { status: 403, help: 'The certificate does not chain to the root CA that this side trusts.' },
  cert_expired: {
    status: 403,
    help: 'The certificate has expired, or the clock of one side is ahead: check both clocks.',
  },
  cert_not_yet_valid: {
    status: 403,
    help: 'The certificate is not valid yet, so the clock of one side is probably behind: check both clocks.',
  },
  cert_revoked: { status: 403, help: 'The certificate was revoked: enrol again with a new join token.' },
  cert_wrong_usage: { status: 403, help: 'The certificate was issued for another use.' },
  cert_wrong_name: { status: 403, help: 'The certificate belongs to somebody other than the expected peer.' },

  // Policy
  policy_denied: { status: 403, help: 'No access pair permits this: netport pair ls shows what is granted.' },
  pair_expired: { status: 403, help: 'The access pair has expired: add it again with a later --expires.' },
  outside_schedule: { status: 403, help: 'The access pair is in force at certain times only: netport pair show NAME.' },
  pair_derived: {
    status: 409,
    help: 'Change the document that makes this pair and apply it again: netport export shows it.',
  },
  policy_signature_invalid: { status: 403, help: 'The policy document was not signed by the control server.' },
  policy_rollback: { status: 409, help: 'The policy document is older than the one in force.' },

  // Circuits, legs, tunnels
  peer_offline: { status: 503, help: 'The other portal has no control session: netport portal ls shows since when.' },
  relay_unavailable: { status: 503, help: 'No relay is online with room for a circuit: netport relay ls.' },
  circuit_expired: { status: 504, help: 'The two portals did not meet in time: check that both can reach the relay.' },
  circuit_closed: { status: 502, help: 'The circuit was ended by the control server or the relay.' },
  leg_rejected: { status: 502, help: 'The relay closed the leg: wrong or expired leg token, or a port out of reach.' },
  tunnel_failed: { status: 502, help: 'The tunnel to the other portal could not be built; the log has the cause.' },
  tunnel_lost: { status: 502, help: 'The tunnel broke: new connections build another.' },
  draining: {
    status: 503,
    help: 'A relay, portal or control server is shutting down: what runs may finish, nothing new begins.',
  },
  limit_exceeded: { status: 429, help: 'A quota is used up: close something, or raise the limit.' },

  // Streams
  connect_refused: { status: 502, help: 'Nothing listens on the target address and port.' },
  connect_timeout: { status: 504, help: 'The target did not answer: check its address, its firewall, its power.' },
  connect_failed: { status: 502, help: 'The target could not be connected to; the message says why.' },
  host_unreachable: { status: 502, help: 'The dialling portal has no route to the target.' },
  dns_failed: { status: 502, help: 'The target name does not resolve at the dialling portal.' },
  stream_reset: { status: 502, help: 'The application at one end reset the connection.' },

  // The local machine
  address_in_use: { status: 409, help: 'Another program listens there: stop it, or choose another port for the pair.' },
  address_unavailable: { status: 409, help: 'This machine has no such address: correct the pair.' },
  permission_denied: { status: 403, help: 'The process may not do that: check its user, file modes and capabilities.' },
  data_directory_unwritable: { status: 500, help: 'Give --data a directory that this user can write to.' },
  audit_chain_broken: {
    status: 409,
    help: 'Somebody changed the audit trail behind the server: compare it with an earlier export, or with a sink.',
  },
  database_incompatible: {
    status: 500,
    help: 'The database was written by another version or history: start the version that wrote it, or restore a backup.',
  },
  data_directory_locked: { status: 409, help: 'Another process runs on this data directory: stop it first.' },
} as const satisfies Record<string, { status: number; help: string }>;

export type ErrorCode = keyof typeof errorTable;

export const errorCodes = Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]];

export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === 'string' && Object.hasOwn(errorTable, value);

/** A field of a request that is wrong: `from.port`. */
export interface FieldError {
  path: string;
  message: string;
}

/** One error for everything: the code, message and fields may go on the wire, the `cause` never does. */
export class NetportError extends Error {
  override readonly name = 'NetportError';
  readonly code: ErrorCode;
  readonly fields: readonly FieldError[];

  constructor(
    code: ErrorCode,
    message: string,
    { fields = [], ...options }: { cause?: unknown; fields?: readonly FieldError[] } = {},
  ) {
    super(message, options);
    this.code = code;
    this.fields = fields;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  get help(): string {
    return errorTable[this.code].help;
  }
}

/** Anything thrown, as a NetportError: what is not one already becomes `fallback`, with the original as its cause. */
export function asNetportError(thrown: unknown, fallback: ErrorCode = 'internal', context = ''): NetportError {
  if (thrown instanceof NetportError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new NetportError(fallback, context ? `${context}: ${message}` : message, { cause: thrown });
}
