import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from './harness/index.js';

const text = readFileSync(join(root, 'docs/security.md'), 'utf8');
const cited = [...text.matchAll(/([\w./-]+\.test\.ts): "(.+?)"/g)].map(([, file = '', title = '']) => ({
  file,
  title,
}));

it('docs/security.md names the tests of its claims', () => {
  expect(cited.length).toBeGreaterThan(20);
  expect(text.match(/\.test\.ts/g), 'each with its title').toHaveLength(cited.length);
});

it.each(cited)('$file has "$title"', ({ file, title }) => {
  expect(readFileSync(join(root, file), 'utf8')).toContain(title);
});
