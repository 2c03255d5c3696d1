/** Points and curves of the picture. */

export interface Point {
  x: number;
  y: number;
}

/** Place `index` of `count` on an ellipse, clockwise from the left: two stand left and right. None stands right above the relays. */
export function placeOnEllipse(
  index: number,
  count: number,
  centre: Point,
  radius: Point,
): { point: Point; angle: number } {
  const angle = Math.PI + angleAlong((index + (count % 4 === 0 ? 0.5 : 0)) / Math.max(1, count), radius);
  const point = { x: centre.x + radius.x * Math.cos(angle), y: centre.y + radius.y * Math.sin(angle) };
  return { point, angle };
}

const arcSteps = 720;

/** The angle at which `share` of an ellipse's length is behind: equal angles would crowd the narrow ends. */
function angleAlong(share: number, radius: Point): number {
  const step = (2 * Math.PI) / arcSteps;
  const lengths = Array.from({ length: arcSteps }, (_, index) => {
    const middle = (index + 0.5) * step;
    return Math.hypot(radius.x * Math.sin(middle), radius.y * Math.cos(middle));
  });
  let left = share * lengths.reduce((sum, length) => sum + length, 0);
  const full = lengths.findIndex((length) => {
    left -= length;
    return left < 0;
  });
  // Where rounding leaves nothing to find, the whole way is behind.
  return full === -1 ? 2 * Math.PI : (full + 1 + left / (lengths[full] ?? 1)) * step;
}

/** Relays stand in the middle: one above the other, or on a ring of their own where they are more than five. */
export function placeRelays<T>(relays: readonly T[], centre: Point, radius: Point): (T & Point)[] {
  const count = relays.length;
  if (count > 5) {
    const inner = { x: radius.x * 0.42, y: radius.y * 0.5 };
    return relays.map((relay, index) => ({ ...relay, ...placeOnEllipse(index, count, centre, inner).point }));
  }
  const step = Math.min(84, (radius.y * 1.3) / Math.max(1, count));
  return relays.map((relay, index) => ({ ...relay, x: centre.x, y: centre.y + (index - (count - 1) / 2) * step }));
}

const toward = (from: Point, to: Point, share: number): Point => ({
  x: from.x + (to.x - from.x) * share,
  y: from.y + (to.y - from.y) * share,
});

/** A cubic Bézier curve: where it starts, its two handles, where it ends. */
export type Cubic = readonly [Point, Point, Point, Point];

/** From one portal to the other in curves of their own: through the relay level, or past the middle where none is between. */
export function tunnelCurves(from: Point, to: Point, relay: Point | undefined, centre: Point): Cubic[] {
  if (!relay) return [[from, toward(from, centre, 0.7), toward(to, centre, 0.7), to]];
  const level = (portal: Point): Point => ({ x: relay.x + (portal.x - relay.x) * 0.38, y: relay.y });
  return [
    [from, toward(from, relay, 0.4), level(from), relay],
    [relay, level(to), toward(to, relay, 0.4), to],
  ];
}

/** SVG path data of curves that follow on each other. */
export function pathOf(curves: readonly Cubic[]): string {
  const [first] = curves;
  if (!first) return '';
  return `M${text(first[0])}${curves.map(([, ...rest]) => `C${rest.map(text).join(' ')}`).join('')}`;
}

/** The point of a cubic Bézier curve at `share` of its parameter. */
export function alongCubic(curve: Cubic, share: number): Point {
  let points: Point[] = [...curve];
  while (points.length > 1) {
    points = points.slice(1).map((point, index) => toward(points[index] ?? point, point, share));
  }
  return points[0] ?? { x: 0, y: 0 };
}

const text = ({ x, y }: Point): string => `${x.toFixed(1)} ${y.toFixed(1)}`;
