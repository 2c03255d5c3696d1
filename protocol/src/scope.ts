import { z } from 'zod';
import { limits } from './limits.js';

/**
 * What of its role an API token may use: an endpoint by its name, such as `pair.list`, or several with `*` for one of the name's
 * parts. `:own` behind it: only for access pairs that the token owns.
 */
const word = '[a-zA-Z]+';
const scopePattern = new RegExp(`^(?:${word}|${word}\\.(?:${word}|\\*)|\\*\\.${word})(?::own)?$`);
const own = ':own';

export const scopeSchema = z
  .string()
  .max(limits.apiTokenScopeLength)
  .regex(scopePattern, 'use an endpoint such as pair.list, pair.* or *.list, or pair.*:own for own access pairs only');
export type Scope = z.infer<typeof scopeSchema>;

export const scopesSchema = z.array(scopeSchema).min(1).max(limits.apiTokenScopes);

/** A scope in its parts. */
export function parseScope(scope: Scope): { covers: (endpoint: string) => boolean; own: boolean } {
  const isOwn = scope.endsWith(own);
  const wanted = (isOwn ? scope.slice(0, -own.length) : scope).split('.');
  const covers = (endpoint: string): boolean => {
    const parts = endpoint.split('.');
    return parts.length === wanted.length && wanted.every((part, at) => part === '*' || part === parts[at]);
  };
  return { covers, own: isOwn };
}
