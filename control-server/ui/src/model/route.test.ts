import { expect, it } from 'vitest';
import { formatRoute, parseRoute, type Route } from './route.js';

it.each<Route>([
  { page: 'overview', query: {} },
  { page: 'pairs', name: 'web', query: {} },
  { page: 'audit', query: { action: 'pair.add', subject: 'a b&c' } },
  { page: 'portals', name: '%/?', query: { q: 'x' } },
])('%o is read as it was written', (route) => expect(parseRoute(formatRoute(route))).toEqual(route));

it.each(['', '#', '#/nowhere', '#/__proto__/x', '#//'])('%j leads to the overview', (fragment) =>
  expect(parseRoute(fragment)).toEqual({ page: 'overview', query: {} }),
);

it('a broken escape is taken as it stands', () => expect(parseRoute('#/pairs/%zz').name).toBe('%zz'));

it('a filter that is empty is none', () => expect(formatRoute({ page: 'audit', query: { code: '' } })).toBe('#/audit'));
