type Value = string | number | null | undefined;

export interface Column<Row> {
  title: string;
  value: (row: Row) => Value;
  align?: 'right';
}

/** Names and messages come from other machines: none of them may move the cursor or fake a line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
export const printable = (text: string): string => text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, '?');

const cell = (value: Value): string =>
  value === null || value === undefined || value === '' ? '-' : printable(String(value));

/** A heading and a line for each row, in columns as wide as their widest cell. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ value }) => cell(value(row))))];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  const pad = (text: string, at: number) =>
    columns[at]?.align === 'right' ? text.padStart(widths[at] ?? 0) : text.padEnd(widths[at] ?? 0);
  return lines.map((line) => line.map(pad).join('  ').trimEnd()).join('\n');
}

export type Entry = [label: string, value: Value];

/** One thing: a line for each of its properties. */
export const card = (entries: readonly Entry[]): string => {
  const width = Math.max(...entries.map(([label]) => label.length));
  return entries.map(([label, value]) => `${label.padEnd(width)}  ${cell(value)}`).join('\n');
};
