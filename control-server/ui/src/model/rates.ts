import type { TunnelView } from '@netport/protocol';

/** Rates are made here, out of two samples: the server only counts. */

export interface TunnelRate extends TunnelView {
  key: string;
  /** Bytes per second in each direction, as `from` sees it. */
  sending: number;
  receiving: number;
}

export interface TrafficSample {
  at: string;
  tunnels: readonly TunnelView[];
}

/** A tunnel that was built anew counts from zero again, so it is another one. */
export const tunnelKey = ({ from, to, transport, since }: TunnelView): string => `${from} ${to} ${transport} ${since}`;

/** The tunnels of a sample with what each carried since the sample before; one seen for the first time stands at zero. */
export function tunnelRates(before: TrafficSample | undefined, after: TrafficSample): TunnelRate[] {
  const seconds = before ? (Date.parse(after.at) - Date.parse(before.at)) / 1000 : 0;
  const known = new Map(before?.tunnels.map((tunnel) => [tunnelKey(tunnel), tunnel]));
  return after.tunnels.map((tunnel) => {
    const key = tunnelKey(tunnel);
    const last = known.get(key);
    const rate = (count: 'bytesSent' | 'bytesReceived'): number =>
      last && seconds > 0 ? Math.max(0, (tunnel[count] - last[count]) / seconds) : 0;
    return { ...tunnel, key, sending: rate('bytesSent'), receiving: rate('bytesReceived') };
  });
}

export const rateOf = ({ sending, receiving }: Pick<TunnelRate, 'sending' | 'receiving'>): number =>
  sending + receiving;

/** Busiest first; equal ones in the order of their names, so that nothing jumps. */
export const byRate = (left: TunnelRate, right: TunnelRate): number =>
  rateOf(right) - rateOf(left) || left.key.localeCompare(right.key);

/** One point of the plot: seconds since 1970, bytes per second. */
export interface RatePoint {
  at: number;
  sending: number;
  receiving: number;
}

/** What is plotted: five minutes of seconds. */
export const historyLength = 300;

/** The history with one more point, the oldest dropped. */
export function withPoint(history: readonly RatePoint[], at: string, tunnels: readonly TunnelRate[]): RatePoint[] {
  const sum = (side: 'sending' | 'receiving'): number => tunnels.reduce((total, tunnel) => total + tunnel[side], 0);
  const point = { at: Date.parse(at) / 1000, sending: sum('sending'), receiving: sum('receiving') };
  return [...history.slice(1 - historyLength), point];
}
