import { type Endpoint, formatEndpoint, type PairView } from '@netport/protocol';
import { printable } from '../../output/table.js';

/** `laptop:127.0.0.1:8080`, as --from and --to take it. */
export const formatPairSide = (side: Endpoint): string => `${side.portal}:${formatEndpoint(side)}`;

/** Why a pair is not active, in one line. */
export const pairError = ({ error }: PairView): string | null => error && `${error.code}: ${error.message}`;

/** Whether a pair that was just changed works now, and if not, why. */
export function pairState(pair: PairView): string {
  const why = pairError(pair);
  return why === null ? `It is ${pair.state}.` : `It is not active yet (${pair.state}).\n${printable(why)}`;
}
