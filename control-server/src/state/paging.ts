import { NetportError, nameSchema, type Page, type PageQuery } from '@netport/protocol';
import { z } from 'zod';

/** Where a page starts: behind the last item of the page before, by the key that the list is ordered by. */

const encode = (key: readonly string[]): string => Buffer.from(JSON.stringify(key)).toString('base64url');

function decode<Key extends readonly string[]>(after: string | undefined, schema: z.ZodType<Key>): Key | undefined {
  if (after === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(Buffer.from(after, 'base64url').toString()));
  } catch (cause) {
    const message = 'use the next of the page before';
    throw new NetportError('invalid_request', `after: ${message}`, { cause, fields: [{ path: 'after', message }] });
  }
}

/** The `after` of a list by name. Throws `invalid_request`. */
export const nameAfter = ({ after }: PageQuery): string | undefined => decode(after, z.tuple([nameSchema]))?.[0];

/** Where something stands in a list that is newest first. */
export interface TimeKey {
  at: Date;
  id: string;
}

/** The `after` of a list that is newest first. Throws `invalid_request`. */
export function timeAfter({ after }: PageQuery): TimeKey | undefined {
  const key = decode(after, z.tuple([z.iso.datetime(), z.string()]));
  return key && { at: new Date(key[0]), id: key[1] };
}

export const nameKey = ({ name }: { name: string }): string[] => [name];
export const timeKey = (at: Date, id: string): string[] => [at.toISOString(), id];

/** The page out of `found`, which is one more than was asked for where there is a next page. */
export function pageFrom<Item>(found: Item[], limit: number, keyOf: (item: Item) => string[]): Page<Item> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return { items, ...(found.length > limit && last !== undefined && { next: encode(keyOf(last)) }) };
}

/** A page of what is in memory, ordered by `keyOf`; of equals, by how many came before. Throws `invalid_request`. */
export function pageOfLive<Item>(all: readonly Item[], query: PageQuery, keyOf: (item: Item) => string): Page<Item> {
  const [behind] = decode(query.after, z.tuple([z.string()])) ?? [];
  const seen = new Map<string, number>();
  const keyed = all.map((item) => {
    const key = keyOf(item);
    const equals = seen.get(key) ?? 0;
    seen.set(key, equals + 1);
    return { item, key: `${key} ${String(equals).padStart(6, '0')}` };
  });
  const found = keyed
    .filter(({ key }) => behind === undefined || key > behind)
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .slice(0, query.limit + 1);
  const { items, next } = pageFrom(found, query.limit, ({ key }) => [key]);
  return { items: items.map(({ item }) => item), ...(next !== undefined && { next }) };
}
