import { NetportError } from './errors.js';

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30s`, `10m`, `2h`, `7d`, `1500ms` as milliseconds. Throws `invalid_request`. */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text.trim()) ?? [];
  if (amount === undefined || unit === undefined) {
    throw new NetportError('invalid_request', `"${text}" is not a duration: write 30s, 10m, 2h or 7d`);
  }
  return Number(amount) * (units[unit] ?? 1);
}
