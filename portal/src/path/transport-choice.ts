import { limits, type Transport, type TransportPreference } from '@netport/protocol';

/** What a tunnel over such a circuit speaks. */
export const tunnelTransport = (circuit: Transport): 'tcp' | 'quic' => (circuit === 'udp' ? 'quic' : 'tcp');

/** What is known of QUIC between one network of this machine and one peer. */
export type QuicRecord = {
  /** In a row; a tunnel that lasted makes up for them. */
  failures: number;
} & ({ state: 'up'; since: number } | { state: 'down'; why: 'blocked' | 'lost'; retryAt: number });

/** `up`: a tunnel came up. `blocked`: none did, though one was tried. `lost`: one that stood fell silent. */
export type QuicEvent = 'up' | 'blocked' | 'lost';

/** What is known after an event. */
export function learn(record: QuicRecord | undefined, event: QuicEvent, now: number): QuicRecord {
  if (event === 'up') return { state: 'up', since: now, failures: record?.failures ?? 0 };
  const lasted = record?.state === 'up' && now - record.since >= limits.quicRetryMax;
  const failures = record && !lasted ? record.failures + 1 : 1;
  const pause = Math.min(limits.quicRetry * 2 ** (failures - 1), limits.quicRetryMax);
  return { state: 'down', why: event, failures, retryAt: now + pause };
}

/** What is asked for: the operator's word binds, an access pair's is heard where that leaves a choice. */
export interface Preferences {
  operator: TransportPreference;
  pair: TransportPreference;
}

/** The circuits that a dial asks for, each when those before it have failed or have had their head start. */
export function circuitsToTry({ operator, pair }: Preferences, record?: QuicRecord): Transport[] {
  if (operator === 'quic') return ['udp'];
  if (operator === 'tcp' || pair === 'tcp' || record?.state === 'down') return ['tcp'];
  return ['udp', 'tcp'];
}

/** Milliseconds until QUIC is tried in the background beside a tunnel over TCP. */
export const retryIn = (record: QuicRecord | undefined, now: number): number =>
  record?.state === 'down' ? Math.max(0, record.retryAt - now) : 0;

/** For people: why this portal dialled a tunnel over this transport. */
export function reasonFor(
  { operator, pair }: Preferences,
  transport: 'tcp' | 'quic',
  record: QuicRecord | undefined,
  now: number,
): string {
  if (operator !== 'auto') return `--transport ${operator}`;
  if (pair === transport) return 'preferred by an access pair';
  if (transport === 'quic') return record?.failures ? 'QUIC gets through again' : 'QUIC gets through';
  if (record?.state !== 'down') return 'TCP came up first';
  const again = `tried again in ${Math.ceil(retryIn(record, now) / 1000)} s`;
  return record.why === 'lost'
    ? `the last QUIC tunnel fell silent (${again})`
    : `QUIC did not get through on this network (${again})`;
}
