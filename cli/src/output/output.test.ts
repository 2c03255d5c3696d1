import { describe, expect, it } from 'vitest';
import { absoluteTime, humanBytes, relativeTime } from './human.js';
import { card, printable, table } from './table.js';

const now = Date.parse('2030-01-31T12:00:00Z');

it.each([
  [null, '-'],
  [undefined, '-'],
  ['2030-01-31T12:00:00.400Z', 'now'],
  ['2030-01-31T11:59:59Z', '1 s ago'],
  ['2030-01-31T11:59:01Z', '59 s ago'],
  ['2030-01-31T11:58:31Z', '1 min ago'],
  ['2030-01-31T11:59:00Z', '1 min ago'],
  ['2030-01-31T10:00:00Z', '2 h ago'],
  ['2030-01-29T12:00:00Z', '2 d ago'],
  ['2030-02-07T11:59:59Z', 'in 7 d'],
  ['2030-01-31T12:59:59Z', 'in 1 h'],
  ['2030-01-31T12:50:00Z', 'in 50 min'],
  ['2030-01-31T13:00:00Z', 'in 1 h'],
])('%j is %j', (iso, text) => {
  expect(relativeTime(iso, now)).toBe(text);
});

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [102_400, '100 KiB'],
  [1024 ** 2 - 1, '1.0 MiB'],
  [1024 ** 3, '1.0 GiB'],
  [Number.MAX_SAFE_INTEGER, '8.0 PiB'],
])('%i bytes are %j', (bytes, text) => {
  expect(humanBytes(bytes)).toBe(text);
});

it('an absolute time has neither T nor fraction', () => {
  expect(absoluteTime('2030-01-31T12:00:00.123Z')).toBe('2030-01-31 12:00:00Z');
});

describe('table', () => {
  it('aligns its columns, shows nothing as -, and ends lines without spaces', () => {
    const rows = [
      { name: 'a', size: 5, note: null },
      { name: 'long-name', size: 1000, note: '' },
    ];
    expect(
      table(rows, [
        { title: 'NAME', value: ({ name }) => name },
        { title: 'SIZE', value: ({ size }) => size, align: 'right' },
        { title: 'NOTE', value: ({ note }) => note },
      ]),
    ).toBe(['NAME       SIZE  NOTE', 'a             5  -', 'long-name  1000  -'].join('\n'));
  });

  it('lets no text from elsewhere move the cursor or fake a line', () => {
    expect(printable('a\x1b[2Jb\nc\rd\x9be\u2028f')).toBe('a?[2Jb?c?d?e?f');
    expect(table([{ text: 'x\ny' }], [{ title: 'T', value: ({ text }) => text }]).split('\n')).toHaveLength(2);
    expect(card([['label', 'x\ny']])).toBe('label  x?y');
  });
});
