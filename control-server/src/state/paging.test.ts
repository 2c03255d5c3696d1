import { expect, test } from 'vitest';
import { pageOfLive } from './paging.js';

const query = (limit: number, after?: string) => ({ limit, ...(after !== undefined && { after }) });

test('what is live comes in pages, in order, and each item once, equals too', () => {
  const items = ['b', 'a', 'c', 'a', 'a'].map((key, at) => ({ key, at }));
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const page = pageOfLive(items, query(2, after), ({ key }) => key);
    seen.push(...page.items.map(({ key, at }) => `${key}${at}`));
    after = page.next;
  } while (after !== undefined);
  expect(seen).toEqual(['a1', 'a3', 'a4', 'b0', 'c2']);
});

test('an item that goes between two pages takes no other along', () => {
  const keys = ['a', 'b', 'c', 'd'];
  const { next } = pageOfLive(keys, query(2), (key) => key);
  expect(pageOfLive(['a', 'c', 'd'], query(2, next), (key) => key).items).toEqual(['c', 'd']);
});
