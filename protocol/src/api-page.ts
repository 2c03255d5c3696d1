import { z } from 'zod';
import { limits } from './limits.js';

/** Lists come in pages: `next` of an answer is the `after` of the request for the page behind it. */

const pageShape = {
  limit: z.coerce.number().int().min(1).max(limits.apiPageSize).default(100),
  /** Opaque: it stays good when items before it come and go. */
  after: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,512}$/, 'use the next of the page before')
    .optional(),
};
export const pageQuerySchema = z.strictObject(pageShape);
export type PageQuery = z.infer<typeof pageQuerySchema>;

export const searchQuerySchema = z.strictObject({
  ...pageShape,
  /** Part of the name. */
  q: z
    .string()
    .trim()
    .toLowerCase()
    .regex(/^[a-z0-9-]{0,63}$/, 'names have a–z, 0–9 and -')
    .default(''),
});
export type SearchQuery = z.infer<typeof searchQuerySchema>;

export const pageOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next: z.string().optional() });

/** `total`: how many there are in all pages. */
export const countedPageOf = <T extends z.ZodType>(item: T) => pageOf(item).extend({ total: z.int().nonnegative() });

export interface Page<Item> {
  items: Item[];
  next?: string;
}
