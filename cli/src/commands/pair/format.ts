import { type Endpoint, formatEndpoint, type PairView } from '@netport/protocol';

/** `laptop:127.0.0.1:8080`, as --from and --to take it. */
export const formatPairSide = (side: Endpoint): string => `${side.portal}:${formatEndpoint(side)}`;

/** Why a pair is not active, in one line. */
export const pairError = ({ error }: PairView): string | null => error && `${error.message} (${error.code})`;
