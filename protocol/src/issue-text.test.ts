import { expect, test } from 'vitest';
import { z } from 'zod';
import { addPairSchema, portSchema } from './index.js';

const textOf = (schema: z.ZodType, input: unknown): (string | undefined)[] =>
  (schema.safeParse(input).error?.issues ?? []).map(({ path, message }) => [...path, message].join(': '));

test('a field that is missing is required', () => {
  expect(textOf(addPairSchema, { from: { portal: 'a' } })).toEqual([
    'name: required',
    'from: address: required',
    'to: required',
  ]);
});

test.each<[z.ZodType, unknown, string]>([
  [z.string(), 7, 'must be text'],
  [portSchema, '80', 'must be a number'],
  [portSchema, 80.5, 'must be a whole number'],
  [portSchema, 0, 'at least 1'],
  [portSchema, 65536, 'at most 65535'],
  [z.enum(['tcp', 'udp']), 'icmp', 'use tcp or udp'],
  [z.literal(7), undefined, 'required'],
  [z.union([z.string(), z.number()]), undefined, 'required'],
  [z.string().min(1), '', 'must not be empty'],
  [z.string().max(2), 'abc', 'at most 2 characters'],
  [z.array(z.string()).min(2), ['a'], 'at least 2 entries'],
  [z.record(z.string().regex(/^a$/, 'use a'), z.number()), { b: 1 }, 'b: use a'],
  [z.strictObject({}), [], 'must be an object'],
  [z.string().regex(/^a$/, 'use a'), 'b', 'use a'],
])('%#: what is wrong is said for people', (schema, input, text) => {
  expect(textOf(schema, input)).toEqual([text]);
});
