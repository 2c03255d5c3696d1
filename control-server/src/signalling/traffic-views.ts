import {
  type Name,
  type PairId,
  parseSpiffeId,
  type SpiffeId,
  type StreamInfo,
  type StreamView,
  type TunnelInfo,
  type TunnelView,
} from '@netport/protocol';

/** What one portal answered to `inspect`. */
export interface PortalReport {
  portal: Name;
  tunnels: readonly TunnelInfo[];
  streams: readonly StreamInfo[];
}

const nameOf = (id: SpiffeId): Name => parseSpiffeId(id)?.name ?? ('unknown' as Name);

/**
 * One row for each tunnel, though both its ends report it: the client's report wins, since the client is `from`; the
 * server's, turned round, stands in where the client did not answer.
 */
export function tunnelViews(reports: readonly PortalReport[]): TunnelView[] {
  const views = new Map<string, { role: TunnelInfo['role']; view: TunnelView }>();
  for (const { portal, tunnels } of reports) {
    for (const info of tunnels) {
      const peer = nameOf(info.peer);
      const [from, to] = info.role === 'client' ? [portal, peer] : [peer, portal];
      const key = `${info.circuitId} ${from} ${to}`;
      if (views.get(key)?.role === 'client') continue;
      views.set(key, { role: info.role, view: tunnelView(info, from, to) });
    }
  }
  return [...views.values()].map(({ view }) => view);
}

const tunnelView = (info: TunnelInfo, from: Name, to: Name): TunnelView => ({
  from,
  to,
  transport: info.transport,
  path: info.path,
  relay: info.relay,
  streams: info.streams,
  ...directed(info, info.role === 'client'),
  rttMs: info.rttMs ?? null,
  // Of the packets that the client sends: the server knows about its own.
  lossPercent: (info.role === 'client' ? info.lossPercent : undefined) ?? null,
  congestionWindow: (info.role === 'client' ? info.congestionWindow : undefined) ?? null,
  reason: info.reason ?? null,
  since: info.since,
});

/** One row for each stream: what the listening portal says, with the target that only the dialling one knows. */
export function streamViews(reports: readonly PortalReport[], pairNames: ReadonlyMap<PairId, string>): StreamView[] {
  const all = reports.flatMap(({ portal, streams }) => streams.map((info) => ({ portal, info })));
  const incoming = new Map<string, { portal: Name; info: StreamInfo }[]>();
  for (const entry of all.filter(({ info }) => info.direction === 'incoming')) {
    const key = `${entry.info.pair} ${entry.info.source}`;
    incoming.set(key, [...(incoming.get(key) ?? []), entry]);
  }
  const views = all
    .filter(({ info }) => info.direction === 'outgoing')
    .map(({ portal, info }) => {
      // Sources of unix sockets are all alike: each takes one of the counterparts.
      const counterpart = incoming.get(`${info.pair} ${info.source}`)?.shift();
      return streamView(info, portal, nameOf(info.peer), counterpart?.info, pairNames);
    });
  // What is left was reported by the dialling portal only.
  const orphans = [...incoming.values()]
    .flat()
    .map(({ portal, info }) => streamView(info, nameOf(info.peer), portal, info, pairNames));
  return [...views, ...orphans];
}

const streamView = (
  info: StreamInfo,
  from: Name,
  to: Name,
  dialled: StreamInfo | undefined,
  pairNames: ReadonlyMap<PairId, string>,
): StreamView => ({
  pair: pairNames.get(info.pair) ?? info.pair,
  from,
  to,
  protocol: info.protocol,
  transport: info.transport,
  source: info.source,
  target: dialled?.target ?? null,
  ...directed(info, info.direction === 'outgoing'),
  dropped: info.dropped === undefined ? null : droppedAt(info, dialled),
  since: info.since,
});

/** Of one stream, which both ends may have reported. */
const droppedAt = (...ends: (StreamInfo | undefined)[]): number =>
  [...new Set(ends)].reduce((sum, end) => sum + (end?.dropped ?? 0), 0);

/** Byte counts as seen from `from`: sent is what travels from `from` to `to`. */
const directed = (
  { bytesSent, bytesReceived }: { bytesSent: number; bytesReceived: number },
  reportedByFrom: boolean,
): { bytesSent: number; bytesReceived: number } =>
  reportedByFrom ? { bytesSent, bytesReceived } : { bytesSent: bytesReceived, bytesReceived: bytesSent };
