import { shorten } from '../model/format.js';
import { byRate, rateOf, type TunnelRate } from '../model/rates.js';
import { alongCubic, type Cubic, type Point, pathOf, placeOnEllipse, placeRelays, tunnelCurves } from './geometry.js';

/** Where everything of the picture stands. The same overlay is drawn the same way each time: nothing moves by itself. */

export interface Node {
  name: string;
  online: boolean;
}

export interface PictureInput {
  width: number;
  height: number;
  portals: readonly Node[];
  relays: readonly Node[];
  tunnels: readonly TunnelRate[];
  /** A part of a name: portals that have it are drawn first and stand out. */
  search: string;
}

export interface PlacedPortal extends Node, Point {
  label: string;
  /** Degrees; labels lie along the ray from the middle where there are many. */
  turn: number;
  anchor: 'start' | 'middle' | 'end';
  labelAt: Point;
  found: boolean;
}

export interface PlacedTunnel {
  tunnel: TunnelRate;
  path: string;
  width: number;
  /** Which way most of it goes. */
  direction: 'forward' | 'backward' | 'none';
  label?: Point;
}

export interface Picture {
  portals: PlacedPortal[];
  relays: (Node & Point)[];
  tunnels: PlacedTunnel[];
  /** What found no room. */
  hidden: { portals: number; relays: number };
}

/** Labels that lie flat need this much of the ring each; turned ones need the second. */
const flatSpacing = 74;
const turnedSpacing = 14;
/** Above and below the ring, a label that lies flat needs one line. */
const flatMargin = 48;
const characterWidth = 6.6;
const relayCapacity = 12;
const labelCount = { desk: 10, phone: 3 };
/** What a label with a round trip and a rate covers. */
export const labelSize = { width: 112, height: 20 };
/** Of a phone, not of a desk. */
const narrow = 520;

export function layOut(input: PictureInput): Picture {
  const { width, height, search } = input;
  const centre = { x: width / 2, y: height / 2 };
  const margin = width < narrow ? { x: 82, y: 78 } : { x: 150, y: 104 };
  const ring = Math.PI * (centre.x - margin.x + centre.y - margin.y);

  const capacity = Math.max(4, Math.floor(ring / turnedSpacing));
  const shown = choosePortals(input, capacity);
  const turned = shown.length * flatSpacing > ring;
  const radius = {
    x: Math.max(60, centre.x - margin.x),
    y: Math.max(60, centre.y - (turned ? margin.y : flatMargin)),
  };
  const labelLength = Math.floor((margin.x - 22) / characterWidth);
  const portals = shown.map((portal, index) => {
    const place = placeOnEllipse(index, shown.length, centre, radius);
    return {
      ...portal,
      ...place.point,
      ...labelling(place, centre, turned),
      label: shorten(portal.name, labelLength),
      found: search !== '' && portal.name.includes(search),
    };
  });

  const online = [...input.relays].sort((left, right) => Number(right.online) - Number(left.online));
  const relays = placeRelays(online.slice(0, relayCapacity).sort(byName), centre, radius);
  return {
    portals,
    relays,
    tunnels: placeTunnels(input.tunnels, portals, relays, centre, width < narrow ? labelCount.phone : labelCount.desk),
    hidden: {
      portals: input.portals.length - portals.length,
      relays: Math.max(0, input.relays.length - relays.length),
    },
  };
}

const natural = new Intl.Collator('en', { numeric: true });
const byName = (left: Node, right: Node): number => natural.compare(left.name, right.name);

/** Where not all have room: those looked for, then those with the busiest tunnels, then those online; drawn by name. */
function choosePortals({ portals, tunnels, search }: PictureInput, capacity: number): Node[] {
  const named = [...portals].sort(byName);
  if (named.length <= capacity) return named;
  const rates = new Map<string, number>();
  for (const tunnel of tunnels) {
    // One that is idle still counts for more than none.
    for (const name of [tunnel.from, tunnel.to]) rates.set(name, (rates.get(name) ?? 1) + rateOf(tunnel));
  }
  const rank = ({ name, online }: Node): number[] => [
    Number(search !== '' && name.includes(search)),
    rates.get(name) ?? 0,
    Number(online),
  ];
  const ranked = named.map((node) => ({ node, rank: rank(node) }));
  ranked.sort((left, right) => {
    const differs = left.rank.findIndex((value, index) => value !== right.rank[index]);
    return differs === -1 ? 0 : (right.rank[differs] ?? 0) - (left.rank[differs] ?? 0);
  });
  return ranked
    .slice(0, capacity)
    .map(({ node }) => node)
    .sort(byName);
}

function labelling(
  { point, angle }: { point: Point; angle: number },
  centre: Point,
  turned: boolean,
): Pick<PlacedPortal, 'turn' | 'anchor' | 'labelAt'> {
  const left = Math.cos(angle) < -0.01;
  if (turned) {
    const ray = Math.atan2(point.y - centre.y, point.x - centre.x);
    const labelAt = { x: point.x + Math.cos(ray) * 13, y: point.y + Math.sin(ray) * 13 };
    const degrees = (ray * 180) / Math.PI;
    return { turn: left ? degrees + 180 : degrees, anchor: left ? 'end' : 'start', labelAt };
  }
  const steep = Math.abs(Math.cos(angle)) < 0.35;
  if (steep)
    return { turn: 0, anchor: 'middle', labelAt: { x: point.x, y: point.y + (point.y < centre.y ? -16 : 26) } };
  return { turn: 0, anchor: left ? 'end' : 'start', labelAt: { x: point.x + (left ? -15 : 15), y: point.y + 4 } };
}

/** Busy tunnels are thick: one more pixel or so for each doubling from 10 kB/s on. */
export const widthOf = (rate: number): number => Math.min(9, 1.4 + 0.55 * Math.log2(1 + rate / 10_000));

function placeTunnels(
  tunnels: readonly TunnelRate[],
  portals: readonly PlacedPortal[],
  relays: readonly (Node & Point)[],
  centre: Point,
  most: number,
): PlacedTunnel[] {
  const places = new Map(portals.map((portal) => [portal.name, portal]));
  const hubs = new Map(relays.map((relay) => [relay.name, relay]));
  // Dots with their names, relays with the name under them.
  const taken = [...portals, ...relays.flatMap(({ x, y }) => [0, 24].map((below) => ({ x, y: y + below })))].map(
    ({ x, y }): Point => ({ x, y }),
  );
  let labels = 0;
  const placed = [...tunnels].sort(byRate).flatMap((tunnel): PlacedTunnel[] => {
    const [from, to] = [places.get(tunnel.from), places.get(tunnel.to)];
    if (!from || !to) return [];
    const relay = tunnel.path === 'relayed' ? hubs.get(tunnel.relay) : undefined;
    const curves = tunnelCurves(from, to, relay, centre);
    const entry: PlacedTunnel = {
      tunnel,
      path: pathOf(curves),
      width: widthOf(rateOf(tunnel)),
      direction: directionOf(tunnel),
    };
    const label = labels < most && freePlace(curves, taken);
    if (!label) return [entry];
    labels += 1;
    taken.push(label);
    return [{ ...entry, label }];
  });
  // The busiest last, so that it lies on top.
  return placed.reverse();
}

function directionOf({ sending, receiving }: TunnelRate): PlacedTunnel['direction'] {
  if (sending + receiving === 0) return 'none';
  return sending >= receiving ? 'forward' : 'backward';
}

const overlaps = (one: Point, other: Point): boolean =>
  Math.abs(one.x - other.x) < labelSize.width + 4 && Math.abs(one.y - other.y) < labelSize.height + 4;

/** A place for a label along the curves, from the middle of each outwards; undefined where others have taken all of it. */
const freePlace = (curves: readonly Cubic[], taken: readonly Point[]): Point | undefined =>
  [0.5, 0.4, 0.6]
    .flatMap((share) => curves.map((curve, index) => alongCubic(curve, index === 0 ? share : 1 - share)))
    .find((place) => !taken.some((other) => overlaps(place, other)));
