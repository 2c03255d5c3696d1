/** Where one is on the page, in the address's fragment: `#/pairs/web`, `#/explain?portal=laptop`. */

export const pages = [
  { page: 'overview', title: 'Overview' },
  { page: 'portals', title: 'Portals' },
  { page: 'relays', title: 'Relays' },
  { page: 'pairs', title: 'Access pairs' },
  { page: 'traffic', title: 'Traffic' },
  { page: 'explain', title: 'Explain' },
  { page: 'audit', title: 'Audit' },
  { page: 'certificates', title: 'Certificates' },
] as const;
export type PageName = (typeof pages)[number]['page'];

export interface Route {
  page: PageName;
  /** The one thing that the page shows in detail. */
  name?: string;
  query: Record<string, string>;
}

/** Never throws: what leads nowhere leads to the overview. */
export function parseRoute(fragment: string): Route {
  const [path = '', search = ''] = fragment.replace(/^#?\/?/, '').split('?', 2);
  const [first, second] = path.split('/');
  const known = pages.find(({ page }) => page === first);
  const query = Object.fromEntries(new URLSearchParams(search));
  if (!known) return { page: 'overview', query: {} };
  return { page: known.page, ...(second && { name: decoded(second) }), query };
}

export function formatRoute({ page, name, query = {} }: Omit<Route, 'query'> & Partial<Route>): string {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString();
  return `#/${page}${name === undefined ? '' : `/${encodeURIComponent(name)}`}${search && `?${search}`}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
