import type { Name } from '@netport/protocol';
import type { RelayOption } from '../state/presence.js';

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
export const rankRelays = (choice: RelayChoice): Name[] => ranked(choice).map(({ relay }) => relay.name);

/** The same, with what each was judged by. */
export function relayOptions(choice: RelayChoice): RelayOption[] {
  const all = ranked(choice);
  return all.map(({ relay, key, roundTrip }, at) => {
    const next = all[at + 1];
    const decided = next && key.findIndex((value, i) => value !== next.key[i]);
    return {
      ...relay,
      roundTripMs: Number.isFinite(roundTrip) ? roundTrip : null,
      preferredFor: decided === undefined ? null : (criteria[decided] ?? 'its name'),
    };
  });
}

/** In the order of the keys below. */
const criteria = ['not having failed lately', 'a lower load', 'shorter round trips', 'fewer circuits'];

function ranked({ relays, avoid, roundTrips: [first, second] }: RelayChoice) {
  const unmeasured = Number.POSITIVE_INFINITY;
  const keyed = relays
    .filter(({ circuits, capacity }) => circuits < capacity)
    .map((relay) => {
      const roundTrip = (first[relay.name] ?? unmeasured) + (second[relay.name] ?? unmeasured);
      const load = Math.floor((relay.circuits / relay.capacity) * loadSteps);
      return { relay, roundTrip, key: [avoid.includes(relay.name) ? 1 : 0, load, roundTrip, relay.circuits] };
    });
  return keyed.sort((a, b) => compareKeys(a.key, b.key) || (a.relay.name < b.relay.name ? -1 : 1));
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  for (const [i, left] of a.entries()) {
    const right = b[i] ?? 0;
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
