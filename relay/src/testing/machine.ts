import { unavailable } from '../datapath/kernel/sockets.js';

/** Why tests that take connections over cannot run here, or undefined. */
export const lackTakeover: string | undefined = unavailable ?? (process.getuid?.() === 0 ? undefined : 'not root');

/** A test's name with the reason why it is skipped, if it is. */
export const titled = (name: string, reason: string | undefined): string =>
  reason ? `${name} (skipped: ${reason})` : name;
