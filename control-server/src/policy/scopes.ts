import { type FieldError, parseScope, type Scope } from '@netport/protocol';
import type { Decision } from './roles.js';

/** What is about one access pair, so that it can be about an own one. */
const ofOnePair = new Set(['pair.show', 'pair.change', 'pair.remove']);
/** What concerns nobody but who asks takes no scope: who one is, and to sign out. */
const unscoped = new Set(['whoami', 'session.remove', 'session.removeAll']);

/** What scopes leave of an endpoint, whatever the role. */
export function decideByScopes(scopes: readonly Scope[], endpoint: string): Decision {
  if (unscoped.has(endpoint)) return 'allow';
  const fitting = scopes.map(parseScope).filter(({ covers }) => covers(endpoint));
  if (fitting.some(({ own }) => !own)) return 'allow';
  return fitting.length > 0 && ofOnePair.has(endpoint) ? 'own' : 'deny';
}

/** What is wrong with scopes: those that cover none of these endpoints, each with what may have been meant. */
export function unknownScopes(scopes: readonly Scope[], endpoints: readonly string[]): FieldError[] {
  return scopes.flatMap((scope, at) => {
    const { covers, own } = parseScope(scope);
    const known = endpoints.filter(covers);
    if (known.some((endpoint) => !own || ofOnePair.has(endpoint))) return [];
    const message =
      known.length > 0
        ? `${scope}: only ${[...ofOnePair].join(', ')} can be for own access pairs`
        : `no endpoint is named ${scope}: ${meant(scope, endpoints)}`;
    return [{ path: `scopes.${at}`, message }];
  });
}

const suggestions = 3;

function meant(scope: Scope, endpoints: readonly string[]): string {
  const groups = endpoints.flatMap((name) => {
    const [resource, action] = name.split('.');
    return action === undefined ? [] : [`${resource}.*`, `*.${action}`];
  });
  const near = [...new Set([...endpoints, ...groups])]
    .map((name) => ({ name, distance: editDistance(name, scope) }))
    .filter(({ distance }) => distance <= scope.length / 2)
    .sort((one, other) => one.distance - other.distance)
    .slice(0, suggestions)
    .map(({ name }) => name);
  return near.length > 0 ? `near it are ${near.join(', ')}` : 'GET /api/v1/openapi.json has them as operationId';
}

/** Levenshtein's: how many characters to put in, take out or replace. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const [y, character] of [...from].entries()) {
    const next = [y + 1];
    for (let x = 0; x < to.length; x += 1) {
      const replaced = (row[x] ?? 0) + (to[x] === character ? 0 : 1);
      next.push(Math.min(replaced, (row[x + 1] ?? 0) + 1, (next[x] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
