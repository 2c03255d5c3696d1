import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readDocuments } from './read.js';

test('every example in docs/policy.md can be applied, all of them together', () => {
  const page = readFileSync(new URL('../../../docs/policy.md', import.meta.url), 'utf8');
  const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = ''], at) => ({
    file: `example ${at + 1}`,
    text,
  }));
  const { documents } = readDocuments(examples);
  expect(new Set(documents.map(({ kind }) => kind))).toEqual(new Set(['AccessPair', 'Group', 'Portal', 'PolicyTests']));
  expect(documents).toHaveLength(9);
});
