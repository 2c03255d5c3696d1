import { quicUnavailable } from '../tunnel/quic/binding.js';

/** Why tests of QUIC are skipped, or undefined where they run. */
export const unavailable = await quicUnavailable();
