import { signal } from '@preact/signals';
import { formatRoute, parseRoute, type Route } from '../model/route.js';

export const route = signal<Route>(parseRoute(location.hash));

addEventListener('hashchange', () => {
  route.value = parseRoute(location.hash);
});

export const navigate = (to: Parameters<typeof formatRoute>[0]): void => {
  location.hash = formatRoute(to);
};

/** Changes what the page is filtered by, without a step in the history for each letter. */
export function filterBy(query: Record<string, string>): void {
  const { page, name, query: before } = route.peek();
  const next = { page, ...(name !== undefined && { name }), query: { ...before, ...query } };
  window.history.replaceState(null, '', formatRoute(next));
  route.value = parseRoute(location.hash);
}
