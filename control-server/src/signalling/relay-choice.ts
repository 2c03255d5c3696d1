import type { Name } from '@netport/protocol';

export interface RelayCandidate {
  name: Name;
  circuits: number;
  capacity: number;
}

/** Measured round trips to relays, milliseconds. */
export type RoundTrips = Readonly<Record<string, number>>;

export interface RelayChoice {
  /** The relays that are online. */
  relays: readonly RelayCandidate[];
  avoid: readonly Name[];
  roundTrips: readonly [RoundTrips, RoundTrips];
}

/** Loads within one step count as equal, so that a nearby relay is not passed over for a handful of circuits. */
const loadSteps = 10;

/**
 * The relays to try, best first. Evaluation order: has room → not avoided → least loaded (in tenths of its capacity) →
 * lowest sum of both portals' round trips (unmeasured last) → fewest circuits → name.
 */
export function rankRelays({ relays, avoid, roundTrips }: RelayChoice): Name[] {
  const [first, second] = roundTrips;
  const keyed = relays
    .filter(({ circuits, capacity }) => circuits < capacity)
    .map((relay) => ({
      name: relay.name,
      key: [
        avoid.includes(relay.name) ? 1 : 0,
        Math.floor((relay.circuits / relay.capacity) * loadSteps),
        (first[relay.name] ?? Number.POSITIVE_INFINITY) + (second[relay.name] ?? Number.POSITIVE_INFINITY),
        relay.circuits,
      ],
    }));
  return keyed.sort((a, b) => compareKeys(a.key, b.key) || (a.name < b.name ? -1 : 1)).map(({ name }) => name);
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  for (const [i, left] of a.entries()) {
    const right = b[i] ?? 0;
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
