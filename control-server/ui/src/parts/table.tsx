import type { ComponentChildren } from 'preact';
import { formatCount } from '../model/format.js';
import type { List } from '../state/list.js';
import { Note } from './note.js';

export interface Column<Item> {
  title: string;
  cell: (item: Item) => ComponentChildren;
  kind?: 'number' | 'actions' | 'hard';
}

interface TableProps<Item> {
  /** What the table is of, for those who do not see it. */
  caption: string;
  columns: readonly Column<Item>[];
  items: readonly Item[];
  keyOf: (item: Item) => string;
}

/** On a phone, each row becomes a card with the columns' titles beside the cells. */
export function Table<Item>({ caption, columns, items, keyOf }: TableProps<Item>) {
  return (
    <div class="table-wrap">
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, kind }) => (
              <th key={title} scope="col" class={kind}>
                {kind === 'actions' ? <span class="unseen">{title}</span> : title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={keyOf(item)}>
              {columns.map(({ title, cell, kind }) => (
                <td key={title} class={kind} data-label={kind === 'actions' ? '' : title}>
                  <div class="cell">{cell(item)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface ListTableProps<Item> extends Omit<TableProps<Item>, 'items'> {
  list: List<Item>;
  /** What stands there when the list is empty. */
  empty: ComponentChildren;
}

/** A list's present page, with the way to the next. */
export function ListTable<Item>({ list, empty, ...table }: ListTableProps<Item>) {
  const { items, total, error, first, previous, next } = list;
  return (
    <div class="card">
      {error && <Note tone="bad">{error}</Note>}
      {items === undefined && !error && <p class="empty soft">Loading …</p>}
      {items?.length === 0 && empty}
      {items && items.length > 0 && <Table {...table} items={items} />}
      {items && items.length > 0 && (
        <div class="table-foot">
          <span>
            {formatCount(first)}–{formatCount(first + items.length - 1)}
            {total !== undefined && ` of ${formatCount(total)}`}
          </span>
          {(previous || next) && (
            <span class="row">
              <button type="button" class="button plain" disabled={!previous} onClick={previous}>
                ← Previous
              </button>
              <button type="button" class="button plain" disabled={!next} onClick={next}>
                Next →
              </button>
            </span>
          )}
        </div>
      )}
    </div>
  );
}
