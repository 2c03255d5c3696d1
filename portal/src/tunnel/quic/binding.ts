import type { Quiche } from '@matrixai/quic/native/quiche.js';
import { NetportError } from '@netport/protocol';

export type { Config, Connection } from '@matrixai/quic/native/types.js';

// Without the classes around it: they are slow, and load ten more packages.
const loaded: { quiche: Quiche } | { reason: string } = await import('@matrixai/quic/native/quiche.js').then(
  (module) => ({ quiche: module.default }),
  (error: unknown) => ({ reason: `no QUIC for ${process.platform}-${process.arch}: ${String(error)}` }),
);

/** Why there is no QUIC here, or undefined where there is. */
export const unavailable: string | undefined = 'reason' in loaded ? loaded.reason : undefined;

/** The QUIC stack. Throws `unavailable` where there is none. */
export function quiche(): Quiche {
  if ('quiche' in loaded) return loaded.quiche;
  throw new NetportError('unavailable', `${loaded.reason}; use --transport tcp`);
}
