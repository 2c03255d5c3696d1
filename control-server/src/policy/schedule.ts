import { daysOf, minutesOf, type Schedule, weekdays } from '@netport/protocol';
import { instantOf, wallTime } from './zone-clock.js';

const minute = 60_000;
const day = 24 * 60 * minute;

/** A window of last night may still be open; the next one begins within a week. */
const daysBehind = 1;
const daysAhead = 8;

export interface Window {
  start: number;
  end: number;
}

/** The window that is open at an instant, and the next change after it; no change where the schedule never closes. */
export interface ScheduleState {
  open: boolean;
  next: Date | undefined;
}

/** Pure: what a schedule says at an instant. */
export function scheduleState(schedule: Schedule, at: Date): ScheduleState {
  const now = at.getTime();
  const windows = windowsAround(schedule, now);
  const current = windows.find(({ start, end }) => start <= now && now < end);
  const next = current ? current.end : windows.find(({ start }) => start > now)?.start;
  // One that runs on to the edge of what was looked at is open all week.
  const endless = current !== undefined && current === windows.at(-1) && now + 7 * day < current.end;
  return { open: current !== undefined, next: next === undefined || endless ? undefined : new Date(next) };
}

/** Thousands of pairs share a few schedules, and ask again and again: the windows of a day are kept. */
const kept = new Map<string, Window[]>();
const keptMax = 256;

function windowsAround(schedule: Schedule, now: number): Window[] {
  const today = Math.floor(wallTime(schedule.timezone, now) / day) * day;
  const key = `${today} ${JSON.stringify(schedule)}`;
  const known = kept.get(key);
  if (known) return known;
  if (kept.size >= keptMax) kept.clear();
  const windows = makeWindows(schedule, today);
  kept.set(key, windows);
  return windows;
}

function makeWindows({ days, from, to, timezone }: Schedule, today: number): Window[] {
  const on = daysOf(days);
  const [first, last] = [minutesOf(from), minutesOf(to)];
  // A window whose end is not after its beginning ends on the next day.
  const length = last > first ? last - first : last - first + 24 * 60;
  const windows: Window[] = [];
  for (let ahead = -daysBehind; ahead <= daysAhead; ahead += 1) {
    const midnight = today + ahead * day;
    if (!on.has(weekdayOf(midnight))) continue;
    const start = instantOf(timezone, midnight + first * minute);
    const end = instantOf(timezone, midnight + (first + length) * minute);
    const before = windows.at(-1);
    // One that begins as another ends is no change.
    if (before && before.end >= start) before.end = Math.max(before.end, end);
    else if (start < end) windows.push({ start, end });
  }
  return windows;
}

const weekdayOf = (midnight: number) => weekdays[(new Date(midnight).getUTCDay() + 6) % 7] ?? 'mon';
