import { expect, it, test } from 'vitest';
import { formatLabels, parseLabels } from './labels.js';

it.each([
  ['', {}],
  ['site=berlin, role=spare', { site: 'berlin', role: 'spare' }],
  ['  example.org/site=x\ncamera ', { 'example.org/site': 'x', camera: '' }],
])('labels of %j are read, and written so that they read the same', (text, labels) => {
  expect(parseLabels(text)).toEqual({ labels });
  expect(parseLabels(formatLabels(labels))).toEqual({ labels });
});

test.each([
  ['site=not=this', /^site: /],
  ['=x', /63 letters/],
  ['a=1 a=2', /^a is there twice$/],
  [Array.from({ length: 17 }, (_, at) => `k${at}`).join(), /at most 16 labels/],
])('%j is refused in words', (text, error) => {
  expect(parseLabels(text)).toEqual({ error: expect.stringMatching(error) });
});
