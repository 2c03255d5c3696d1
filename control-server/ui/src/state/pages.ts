import { useState } from 'preact/hooks';
import { type List, pageSize } from './list.js';

/** A list that is here already, a page at a time. */
export function usePages<Item>(items: readonly Item[]): List<Item> {
  const [wanted, setWanted] = useState(0);
  const last = Math.max(0, Math.ceil(items.length / pageSize) - 1);
  const page = Math.min(wanted, last);
  return {
    items: items.slice(page * pageSize, (page + 1) * pageSize),
    total: items.length,
    error: undefined,
    first: page * pageSize + 1,
    ...(page > 0 && { previous: () => setWanted(page - 1) }),
    ...(page < last && { next: () => setWanted(page + 1) }),
    reload: () => {},
  };
}
