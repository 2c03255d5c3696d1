import { z } from 'zod';

/** From Monday, as ISO 8601 counts them. */
export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof weekdays)[number];

const day = `(?:${weekdays.join('|')})`;
const daysSchema = z
  .array(z.string().regex(new RegExp(`^${day}(?:-${day})?$`), `use ${weekdays.join(', ')}, or a range such as mon-fri`))
  .min(1)
  .max(weekdays.length);

const clock = (pattern: RegExp) => z.string().regex(pattern, 'use a time of day such as "08:00"');
const timezoneSchema = z
  .string()
  .max(64)
  .refine(isTimezone, 'use a time zone of the IANA database, such as Europe/Berlin or UTC');

/**
 * When in the week an access pair is in force: from one time of day to another, by the clock on the wall in one time zone.
 * A window whose end is not after its beginning ends on the next day.
 */
export const scheduleSchema = z
  .strictObject({
    days: daysSchema,
    from: clock(/^(?:[01]\d|2[0-3]):[0-5]\d$/),
    to: clock(/^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/),
    timezone: timezoneSchema.default('UTC'),
  })
  .refine(({ from, to }) => from !== to, {
    path: ['to'],
    message: 'from and to are the same: write 00:00 and 24:00 for a whole day',
  });
export type Schedule = z.infer<typeof scheduleSchema>;

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The days that `mon-fri`, `sat` and the like stand for; `fri-mon` goes over the weekend. */
export function daysOf(days: readonly string[]): ReadonlySet<Weekday> {
  const all = new Set<Weekday>();
  for (const range of days) {
    const [first, last = first] = range.split('-') as [Weekday, Weekday?];
    const length = (weekdays.indexOf(last as Weekday) - weekdays.indexOf(first) + 7) % 7;
    for (let step = 0; step <= length; step += 1) {
      const found = weekdays[(weekdays.indexOf(first) + step) % 7];
      if (found) all.add(found);
    }
  }
  return all;
}

/** Minutes since midnight. */
export function minutesOf(time: string): number {
  const [hours, minutes] = time.split(':');
  return Number(hours) * 60 + Number(minutes);
}

/** `mon-fri 08:00-18:00 Europe/Berlin` */
export const formatSchedule = ({ days, from, to, timezone }: Schedule): string =>
  `${days.join(',')} ${from}-${to} ${timezone}`;
