import { daysOf, minutesOf, type Schedule, weekdays } from '@netport/protocol';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { scheduleState } from './schedule.js';
import { wallTime } from './zone-clock.js';

const minute = 60_000;
const day = 1440 * minute;
const office: Schedule = { days: ['mon-fri'], from: '08:00', to: '18:00', timezone: 'Europe/Berlin' };
const state = (schedule: Schedule, at: string) => {
  const { open, next } = scheduleState(schedule, new Date(at));
  return [open, next?.toISOString()];
};

describe('a schedule', () => {
  it.each<[string, Schedule, string, boolean, string | undefined]>([
    ['on Monday morning', office, '2030-01-07T06:59:59Z', false, '2030-01-07T07:00:00.000Z'],
    ['as it opens', office, '2030-01-07T07:00:00Z', true, '2030-01-07T17:00:00.000Z'],
    ['as it closes', office, '2030-01-07T17:00:00Z', false, '2030-01-08T07:00:00.000Z'],
    ['over the weekend', office, '2030-01-11T17:00:00Z', false, '2030-01-14T07:00:00.000Z'],
    ['in summer', office, '2030-07-01T06:00:00Z', true, '2030-07-01T16:00:00.000Z'],
    ['over a weekend on which clocks change', office, '2030-03-29T17:00:00Z', false, '2030-04-01T06:00:00.000Z'],
    [
      'over midnight, after its last day',
      { ...office, days: ['fri'], from: '22:00', to: '04:00' },
      '2030-01-11T23:30:00Z',
      true,
      '2030-01-12T03:00:00.000Z',
    ],
    [
      'in the hour that clocks skip',
      { ...office, days: ['sun'], from: '02:30', to: '05:00' },
      '2030-03-31T00:59:59Z',
      false,
      '2030-03-31T01:00:00.000Z',
    ],
    [
      'wholly in that hour, which it misses that week',
      { ...office, days: ['sun'], from: '02:10', to: '02:50' },
      '2030-03-31T00:00:00Z',
      false,
      '2030-04-07T00:10:00.000Z',
    ],
    [
      'in the hour that clocks repeat: once, from the first',
      { ...office, days: ['sun'], from: '02:30', to: '05:00' },
      '2030-10-27T01:15:00Z',
      true,
      '2030-10-27T04:00:00.000Z',
    ],
    [
      'through whole days without a gap',
      { ...office, days: ['mon-fri'], from: '00:00', to: '24:00', timezone: 'UTC' },
      '2030-01-07T00:00:00Z',
      true,
      '2030-01-12T00:00:00.000Z',
    ],
    [
      'all week: it never changes',
      { ...office, days: ['mon-sun'], from: '00:00', to: '24:00' },
      '2030-03-30T12:00:00Z',
      true,
      undefined,
    ],
  ])('%s', (_what, schedule, at, open, next) => {
    expect(state(schedule, at)).toEqual([open, next]);
  });
});

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'Asia/Kolkata',
  'Asia/Beirut',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Africa/Casablanca',
  'America/St_Johns',
];
const time = fc.integer({ min: 0, max: 1439 });
const text = (minutes: number) => new Date(minutes * minute).toISOString().slice(11, 16);
const schedules = fc
  .record({
    days: fc.uniqueArray(fc.constantFrom(...weekdays), { minLength: 1 }),
    from: time,
    to: time,
    timezone: fc.constantFrom(...zones),
  })
  .filter(({ from, to }) => from !== to)
  .map((drawn): Schedule => ({ ...drawn, from: text(drawn.from), to: text(drawn.to) }));
/** Around 2005 to 2035, in whole minutes: years in which these zones have changed their rules, too. */
const instants = fc.integer({ min: 18_400_000, max: 34_000_000 }).map((minutes) => minutes * minute);

/** What somebody with a clock on the wall and a calendar would say. */
function byTheWall({ days, from, to, timezone }: Schedule, at: number): boolean {
  const wall = wallTime(timezone, at);
  const minutes = Math.floor((wall % day) / minute);
  const on = (midnight: number) => daysOf(days).has(weekdays[(new Date(midnight).getUTCDay() + 6) % 7] ?? 'mon');
  const today = Math.floor(wall / day) * day;
  const [first, last] = [minutesOf(from), minutesOf(to)];
  if (first < last) return on(today) && first <= minutes && minutes < last;
  return (on(today) && minutes >= first) || (on(today - day) && minutes < last);
}

/** No clock was changed within two days of it: then the wall decides. */
const steady = (timezone: string, at: number) =>
  new Set([-2, -1, 0, 1, 2].map((days) => wallTime(timezone, at + days * day) - (at + days * day))).size === 1;

test('where no clock is changed, a schedule is what the clock on the wall says', () => {
  fc.assert(
    fc.property(schedules, instants, (schedule, at) => {
      fc.pre(steady(schedule.timezone, at));
      expect(scheduleState(schedule, new Date(at)).open).toBe(byTheWall(schedule, at));
    }),
    { numRuns: 500 },
  );
});

test('at the next change it is the other way round, and until then nothing changes, clocks put forward or back or not', () => {
  fc.assert(
    fc.property(
      schedules,
      instants,
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (schedule, at, part) => {
        const { open, next } = scheduleState(schedule, new Date(at));
        const until = next?.getTime() ?? at + 7 * day;
        const between = new Date(at + Math.floor((until - at) * part));
        expect(until).toBeGreaterThan(at);
        expect(scheduleState(schedule, between)).toEqual({ open, next });
        if (next) expect(scheduleState(schedule, next).open).toBe(!open);
      },
    ),
    { numRuns: 500 },
  );
});
