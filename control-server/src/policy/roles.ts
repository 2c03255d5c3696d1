import { type Role, roles, type Scope } from '@netport/protocol';
import { decideByScopes } from './scopes.js';

/** Who may use an endpoint: everybody; who has this role or a higher one; `pair-owner`: operators, and who owns the access pair. */
type Rule = 'anyone' | Role | 'pair-owner';

/**
 * A viewer sees everything. An operator also changes the overlay: portals, relays, access pairs, policy. An admin also decides
 * who may do that. What stands nowhere here, nobody may.
 */
const rules: Readonly<Record<string, Rule>> = {
  'session.add': 'anyone',
  'session.methods': 'anyone',
  'session.oidc': 'anyone',
  'session.oidcCallback': 'anyone',
  'session.remove': 'viewer',
  'session.removeAll': 'viewer',
  'session.password': 'viewer',
  whoami: 'viewer',
  live: 'viewer',
  'portal.list': 'viewer',
  'portal.show': 'viewer',
  'portal.add': 'operator',
  'portal.change': 'operator',
  'portal.remove': 'operator',
  'portal.token': 'operator',
  'portal.revoke': 'operator',
  'relay.list': 'viewer',
  'relay.show': 'viewer',
  'relay.add': 'operator',
  'relay.change': 'operator',
  'relay.remove': 'operator',
  'relay.token': 'operator',
  'relay.revoke': 'operator',
  'token.list': 'viewer',
  'token.remove': 'operator',
  'pair.list': 'viewer',
  'pair.show': 'viewer',
  'pair.check': 'viewer',
  'pair.add': 'operator',
  'pair.change': 'pair-owner',
  'pair.remove': 'pair-owner',
  'circuit.list': 'viewer',
  'tunnel.list': 'viewer',
  'stream.list': 'viewer',
  'audit.list': 'viewer',
  'audit.head': 'viewer',
  'audit.export': 'viewer',
  'explain.ask': 'viewer',
  'explain.probe': 'operator',
  'explain.event': 'viewer',
  'certificate.list': 'viewer',
  'authority.show': 'viewer',
  'authority.rollover': 'admin',
  'deviceAuthority.list': 'viewer',
  'deviceAuthority.add': 'admin',
  'deviceAuthority.remove': 'admin',
  'policy.show': 'viewer',
  'policy.diff': 'viewer',
  'policy.apply': 'operator',
  'apiToken.list': 'admin',
  'apiToken.add': 'admin',
  'apiToken.remove': 'admin',
  'localAdmin.list': 'admin',
  'localAdmin.add': 'admin',
  'localAdmin.change': 'admin',
  'localAdmin.remove': 'admin',
};

export const ruleOf = (endpoint: string): Rule | undefined =>
  Object.hasOwn(rules, endpoint) ? rules[endpoint] : undefined;

/** Whether `role` has what `least` has. */
export const atLeast = (role: Role, least: Role): boolean => roles.indexOf(role) >= roles.indexOf(least);

/** All that can be allowed, and can be a scope. */
export const ruledEndpoints: readonly string[] = Object.keys(rules);

/** `own`: only for the access pair that is one's own. From the least to the most. */
const decisions = ['deny', 'own', 'allow'] as const;
export type Decision = (typeof decisions)[number];

/** What somebody may do: a role, and what of it; null: all of it. */
export interface Rights {
  role: Role;
  scopes: readonly Scope[] | null;
}

/** What somebody may do with an endpoint: what both his role and his scopes allow. */
export function decide({ role, scopes }: Rights, endpoint: string): Decision {
  const byRole = decideByRole(role, endpoint);
  if (scopes === null || ruleOf(endpoint) === 'anyone') return byRole;
  const byScopes = decideByScopes(scopes, endpoint);
  return isMore(byRole, byScopes) ? byScopes : byRole;
}

const isMore = (one: Decision, other: Decision): boolean => decisions.indexOf(one) > decisions.indexOf(other);

function decideByRole(role: Role, endpoint: string): Decision {
  const rule = ruleOf(endpoint);
  if (rule === undefined) return 'deny';
  if (rule === 'anyone') return 'allow';
  if (rule === 'pair-owner') return atLeast(role, 'operator') ? 'allow' : 'own';
  return atLeast(role, rule) ? 'allow' : 'deny';
}

/** The endpoints of which somebody may this much: all, or what is his own. */
export const endpointsWith = (decision: Decision, rights: Rights): string[] =>
  ruledEndpoints.filter((endpoint) => decide(rights, endpoint) === decision);

/** What `given` may beyond what `giver` may: nobody gives somebody else more than he has. */
export const beyondGiver = (giver: Rights, given: Rights): string[] =>
  ruledEndpoints.filter((endpoint) => isMore(decide(given, endpoint), decide(giver, endpoint)));

/** What is missing, for who was denied. */
export function needed({ role, scopes }: Rights, endpoint: string): string {
  const byRole = decideByRole(role, endpoint);
  if (scopes !== null && byRole !== 'deny' && isMore(byRole, decideByScopes(scopes, endpoint))) {
    const own = decideByScopes(scopes, endpoint) === 'own' ? ', or to own the access pair' : '';
    return `this takes the scope ${endpoint}${own}`;
  }
  const rule = ruleOf(endpoint);
  if (rule === 'pair-owner') return 'this takes the role operator, or to be the owner of the access pair';
  return rule === undefined ? 'no role may do this' : `this takes the role ${rule}`;
}

/**
 * Which of these fields of an access pair takes more than to own it: where the pair leads. Whoever could change that would
 * grant himself any access with the one that he was given.
 */
export const beyondOwner = (role: Role, fields: readonly string[]): string[] =>
  atLeast(role, 'operator') ? [] : fields.filter((field) => ['protocol', 'from', 'to'].includes(field));
