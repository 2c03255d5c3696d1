const minute = 60_000;
const hour = 60 * minute;

/** Local times run from 12 h behind UTC to 14 h before it; a day and a half on either side is clear of one transition. */
const apart = 36 * hour;

const formats = new Map<string, Intl.DateTimeFormat>();

/** Making a format costs a hundred times what using it costs, and there are some 600 zones. */
function formatOf(timezone: string): Intl.DateTimeFormat {
  const known = formats.get(timezone);
  if (known) return known;
  const format = new Intl.DateTimeFormat('en', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formats.set(timezone, format);
  return format;
}

/** What the clock on the wall reads at an instant, as if it were UTC. Both in milliseconds. */
export function wallTime(timezone: string, instant: number): number {
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
  for (const { type, value } of formatOf(timezone).formatToParts(instant)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour: hours = 0, minute: minutes = 0, second: seconds = 0 } = parts;
  return Date.UTC(year, month - 1, day, hours, minutes, seconds);
}

/**
 * The first instant at which the clock on the wall reads `wall` or later: where clocks are put back, the first of two;
 * where they are put forward over it, the moment when they are.
 */
export function instantOf(timezone: string, wall: number): number {
  const offset = (instant: number): number => wallTime(timezone, instant) - instant;
  const [before, after] = [offset(wall - apart), offset(wall + apart)];
  const candidates = [wall - before, wall - after].sort((a, b) => a - b) as [number, number];
  const exact = candidates.find((instant) => wallTime(timezone, instant) === wall);
  if (exact !== undefined) return exact;
  // Skipped: the transition lies between the two, and transitions happen at whole minutes.
  let [low, high] = candidates;
  while (high - low > minute) {
    const middle = low + Math.floor((high - low) / 2 / minute) * minute;
    if (wallTime(timezone, middle) < wall) low = middle;
    else high = middle;
  }
  return high;
}
