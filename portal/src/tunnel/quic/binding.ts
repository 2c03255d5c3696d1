import type { Quiche } from '@matrixai/quic/native/quiche.js';
import { NetportError } from '@netport/protocol';

export type { Config, Connection } from '@matrixai/quic/native/types.js';

type Loaded = { quiche: Quiche } | { reason: string };
let loading: Promise<Loaded> | undefined;
let loaded: Loaded | undefined;

async function load(): Promise<Loaded> {
  // Without the classes around it: they are slow, and load ten more packages.
  loaded = await import('@matrixai/quic/native/quiche.js').then(
    (module) => ({ quiche: module.default }),
    (error: unknown) => ({ reason: `no QUIC for ${process.platform}-${process.arch}: ${String(error)}` }),
  );
  return loaded;
}

/** Why there is no QUIC here, or undefined where there is. Loads the stack, which a portal without UDP never needs. */
export async function quicUnavailable(): Promise<string | undefined> {
  loading ??= load();
  const found = await loading;
  return 'reason' in found ? found.reason : undefined;
}

/** Loads the stack. Throws `unavailable` where there is none. */
export async function requireQuic(): Promise<void> {
  await quicUnavailable();
  quiche();
}

/** The stack, once it is loaded. Throws `unavailable` where there is none. */
export function quiche(): Quiche {
  if (loaded && 'quiche' in loaded) return loaded.quiche;
  throw new NetportError('unavailable', `${loaded?.reason ?? 'QUIC is not loaded'}; use --transport tcp`);
}
