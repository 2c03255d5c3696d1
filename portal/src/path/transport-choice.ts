import { NetportError, type Transport } from '@netport/protocol';
import { unavailable } from '../tunnel/quic/binding.js';

/** What an operator wants tunnels to run over: `--transport`. */
export const transportPreferences = ['auto', 'tcp', 'quic'] as const;
export type TransportPreference = (typeof transportPreferences)[number];

/** The circuit that a portal asks for. `auto` is TCP, which gets through nearly everywhere. */
export const circuitTransport = (preference: TransportPreference): Transport => (preference === 'quic' ? 'udp' : 'tcp');

/** What a tunnel over such a circuit speaks. */
export const tunnelTransport = (circuit: Transport): 'tcp' | 'quic' => (circuit === 'udp' ? 'quic' : 'tcp');

/** Throws `unavailable` where this machine cannot do what is asked for. */
export function requireTransport(preference: TransportPreference): void {
  if (preference === 'quic' && unavailable !== undefined) {
    throw new NetportError('unavailable', `${unavailable}; use --transport tcp`);
  }
}
