import type { AnswerOf, ApiEndpoint, LiveList } from '@netport/protocol';
import { useSignalEffect } from '@preact/signals';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { call, type Query } from '../api/client.js';
import { onChanged, overview } from './live.js';
import { showAnswer } from './show-answer.js';

export type ItemOf<E> = AnswerOf<E> extends { items: (infer Item)[] } ? Item : never;

interface Page<Item> {
  items: Item[];
  next?: string | number;
  total?: number;
}

export interface List<Item> {
  /** Undefined until the first page is there. */
  items: readonly Item[] | undefined;
  total: number | undefined;
  error: string | undefined;
  /** Of the first item shown, counted from 1. */
  first: number;
  previous?: () => void;
  next?: () => void;
  reload: () => void;
}

interface Selection {
  query?: Query;
  /** What makes it be read again. */
  on: readonly LiveList[];
  /** The query's name of the cursor. */
  cursor?: 'after' | 'before';
  /** Read again when portals or relays come and go, too. */
  withPresence?: boolean;
}

export const pageSize = 50;
/** Many changes at once are one reading. */
const settle = 400;

/** One page of a list, read again when the server says that it changed. */
export function useList<E extends ApiEndpoint>(endpoint: E, selection: Selection): List<ItemOf<E>> {
  const { query = {}, on, cursor = 'after', withPresence = false } = selection;
  const [page, setPage] = useState<Page<ItemOf<E>>>();
  const [error, setError] = useState<string>();
  const [cursors, setCursors] = useState<(string | number)[]>([]);
  const [version, setVersion] = useState(0);
  const search = JSON.stringify(query);
  const asked = useRef(search);
  // Another query starts on its first page.
  const after = asked.current === search ? cursors.at(-1) : undefined;
  if (asked.current !== search) {
    asked.current = search;
    setCursors([]);
  }

  useEffect(() => {
    const controller = new AbortController();
    const request = { query: { limit: pageSize, ...query, [cursor]: after }, signal: controller.signal };
    const asking = call(endpoint, request as Parameters<typeof call<E>>[1]);
    void showAnswer(asking, (answer) => setPage(answer as Page<ItemOf<E>>), setError, controller.signal);
    return () => controller.abort();
  }, [endpoint, search, cursor, after, version]);

  const reload = useCallback(() => setVersion((count) => count + 1), []);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const soon = useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      reload();
    }, settle);
  }, [reload]);
  const wanted = on.join();
  useEffect(() => onChanged((what) => wanted.split(',').includes(what) && soon()), [wanted, soon]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const seen = useRef(overview.peek());
  useSignalEffect(() => {
    if (!withPresence || overview.value === seen.current) return;
    const first = seen.current === undefined;
    seen.current = overview.value;
    if (!first) soon();
  });

  const next = page?.next;
  return {
    items: page?.items,
    total: page?.total,
    error,
    first: cursors.length * pageSize + 1,
    ...(cursors.length > 0 && { previous: () => setCursors(cursors.slice(0, -1)) }),
    ...(next !== undefined && { next: () => setCursors([...cursors, next]) }),
    reload,
  };
}
