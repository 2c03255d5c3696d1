import { expect, test } from 'vitest';
import { labelsMax, labelsSchema, selectorOf, selectorSchema } from './label.js';

const berlin = { site: 'berlin', 'example.org/role': 'gw', camera: '' };

test.each([
  ['site=berlin', true],
  ['site=hamburg', false],
  ['site!=hamburg', true],
  ['floor!=2', true],
  ['site', true],
  ['floor', false],
  ['!floor', true],
  ['!site', false],
  ['camera=', true],
  ['site=berlin, example.org/role=gw', true],
  ['site=berlin,example.org/role=spare', false],
  ['constructor', false],
])('the selector %s holds: %s', (selector, holds) => {
  expect(selectorSchema.safeParse(selector).success).toBe(true);
  expect(selectorOf(selector)(berlin)).toBe(holds);
});

test.each(['', 'site==berlin', '=berlin', '!site=berlin', 'site=a b', 'site=berlin,', '-site'])(
  '"%s" is no selector',
  (selector) => {
    expect(selectorSchema.safeParse(selector).success).toBe(false);
  },
);

test('labels are few, and of the syntax of Kubernetes', () => {
  expect(labelsSchema.safeParse(berlin).success).toBe(true);
  for (const wrong of [{ '': 'x' }, { 'a b': 'x' }, { a: '-' }, { a: 'x'.repeat(64) }]) {
    expect(labelsSchema.safeParse(wrong).success).toBe(false);
  }
  const many = Object.fromEntries(Array.from({ length: labelsMax + 1 }, (_, at) => [`l${at}`, '']));
  expect(labelsSchema.safeParse(many).success).toBe(false);
});
