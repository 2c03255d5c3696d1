const units = [
  { name: 'd', ms: 86_400_000 },
  { name: 'h', ms: 3_600_000 },
  { name: 'min', ms: 60_000 },
  { name: 's', ms: 1000 },
];

/** `5 min ago`, `in 6 d`, `now`; `-` for no time. */
export function relativeTime(iso: string | null | undefined, now: number): string {
  if (iso === null || iso === undefined) return '-';
  const distance = Date.parse(iso) - now;
  // An hour from a moment ago is still "in 1 h", not "in 59 min".
  const unit = units.find(({ ms }) => Math.abs(distance) >= ms * 0.99);
  if (!unit) return 'now';
  const amount = `${Math.round(Math.abs(distance) / unit.ms)} ${unit.name}`;
  return distance < 0 ? `${amount} ago` : `in ${amount}`;
}

/** `2030-01-31 12:00:00Z`: an ISO time as it fits into a table. */
export const absoluteTime = (iso: string): string => iso.replace('T', ' ').replace(/\.\d+Z$/, 'Z');

/** `1023 B`, `1.5 KiB`, `12 GiB`. */
export function humanBytes(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  // 1023.95 would be shown as 1024 of the smaller unit.
  while (value >= (unit === 0 ? 1024 : 1023.95) && unit < names.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${names[unit]}`;
}
