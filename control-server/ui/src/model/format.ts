/** Numbers and times as people read them. Decimal units, as networks are measured; fixed to English, as the page is. */

const units = ['', 'k', 'M', 'G', 'T', 'P'];

function scaled(value: number, unit: string): string {
  const step = value < 1000 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), units.length - 1);
  const amount = value / 1000 ** step;
  const digits = step === 0 || amount >= 99.95 ? 0 : 1;
  return `${amount.toFixed(digits)} ${units[step]}${unit}`;
}

export const formatBytes = (bytes: number): string => scaled(bytes, 'B');

/** Bytes per second, as bits per second. */
export const formatRate = (bytesPerSecond: number): string => scaled(bytesPerSecond * 8, 'bit/s');

export const formatCount = (count: number): string => count.toLocaleString('en');

export function formatRoundTrip(milliseconds: number | null): string {
  if (milliseconds === null) return '–';
  return `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
}

const spans: [unit: string, seconds: number][] = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
];

/** A span of milliseconds in its largest unit: `5 s`, `12 min`, `3 h`, `9 d`. */
export function formatSpan(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const [unit, size] = spans.find(([, size]) => seconds >= size) ?? (['s', 1] as const);
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** `3 min ago`, `in 2 h`, `now`. */
export function formatRelative(at: string, now: number): string {
  const distance = Date.parse(at) - now;
  if (Math.abs(distance) < 5000) return 'now';
  return distance < 0 ? `${formatSpan(-distance)} ago` : `in ${formatSpan(distance)}`;
}

/** The middle cut out of what is too long for its place. */
export function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const head = Math.ceil((length - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (length - 1 - head))}`;
}

/** As `datetime-local` inputs have it. */
export function localTime(at: Date): string {
  const shifted = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

/** The inverse, as the API takes it; what is no time stays as it is, for the server to say so. */
export function isoTime(local: string): string {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? local : at.toISOString();
}
