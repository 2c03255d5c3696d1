/** Why a connection was closed without an answer. The peer never learns which; metrics and the debug log do. */
export const rejections = [
  /** Not a preamble of this version, or the connection ended before it was whole. */
  'malformed',
  /** The preamble did not arrive in time. */
  'slow',
  /** Too many connections without a bind: the oldest makes room. */
  'over_quota',
  /** No circuit of that id on that port, or not any more. */
  'unknown_circuit',
  'wrong_token',
  /** A leg token works once. */
  'already_bound',
  /** Bytes after the preamble and before the ready mark. */
  'early_data',
] as const;

export type Rejection = (typeof rejections)[number];
