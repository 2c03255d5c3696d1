/** Why a connection was closed, or a datagram dropped, without an answer. The peer never learns which; metrics and the debug log do. */
export const rejections = [
  /** Not a preamble or bind of this version, or the connection ended before it was whole. */
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
  /** A bind over UDP that was not made with the leg token. */
  'wrong_mac',
  /** A bind over UDP whose counter is not higher than that of the last one. */
  'replayed',
] as const;

export type Rejection = (typeof rejections)[number];
