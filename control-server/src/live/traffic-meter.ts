import { limits, type StreamView, type Traffic, type TunnelView } from '@netport/protocol';
import type { TrafficSample } from '../state/presence.js';

type Counted = { bytesSent: number; bytesReceived: number };

/** Makes pictures out of samples: who was busiest since the one before, and totals that never fall. Pure but for that memory. */
export class TrafficMeter {
  #tunnels = new Map<string, Counted>();
  #streams = new Map<string, Counted>();
  #sent = 0;
  #received = 0;

  next({ tunnels, circuits, streams }: TrafficSample, at: Date): Traffic {
    for (const tunnel of tunnels) {
      const before = this.#tunnels.get(tunnelKey(tunnel));
      this.#sent += Math.max(0, tunnel.bytesSent - (before?.bytesSent ?? 0));
      this.#received += Math.max(0, tunnel.bytesReceived - (before?.bytesReceived ?? 0));
    }
    const traffic = {
      at: at.toISOString(),
      tunnels: busiest(tunnels, this.#tunnels, tunnelKey, limits.liveTunnels),
      circuits: circuits.slice(0, limits.liveTunnels),
      streams: busiest(streams, this.#streams, streamKey, limits.liveStreams),
      totals: { bytesSent: this.#sent, bytesReceived: this.#received, streams: streams.length },
    };
    this.#tunnels = new Map(tunnels.map((tunnel) => [tunnelKey(tunnel), tunnel]));
    this.#streams = new Map(streams.map((stream) => [streamKey(stream), stream]));
    return traffic;
  }
}

const tunnelKey = ({ from, to, transport, since }: TunnelView): string => `${from} ${to} ${transport} ${since}`;
const streamKey = ({ pair, source, since }: StreamView): string => `${pair} ${source} ${since}`;

const bytes = ({ bytesSent, bytesReceived }: Counted): number => bytesSent + bytesReceived;

/** Those that carried most since `before`; of equals, those that carried most at all. In their own order where all fit. */
function busiest<Item extends Counted>(
  items: Item[],
  before: ReadonlyMap<string, Counted>,
  keyOf: (item: Item) => string,
  max: number,
): Item[] {
  if (items.length <= max) return items;
  const since = (item: Item): number => {
    const known = before.get(keyOf(item));
    return bytes(item) - (known ? bytes(known) : 0);
  };
  const ranked = items.map((item) => ({ item, since: since(item), all: bytes(item) }));
  return ranked
    .sort((a, b) => b.since - a.since || b.all - a.all)
    .slice(0, max)
    .map(({ item }) => item);
}
