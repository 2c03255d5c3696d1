import { type Role, roles } from '@netport/protocol';

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

/** `own`: only for the access pair that is one's own. */
export type Decision = 'allow' | 'own' | 'deny';

/** What a role may do with an endpoint. */
export function decide(role: Role, endpoint: string): Decision {
  const rule = ruleOf(endpoint);
  if (rule === undefined) return 'deny';
  if (rule === 'anyone') return 'allow';
  if (rule === 'pair-owner') return atLeast(role, 'operator') ? 'allow' : 'own';
  return atLeast(role, rule) ? 'allow' : 'deny';
}

/** The endpoints that a role may use without owning anything. */
export const allowed = (role: Role): string[] =>
  Object.keys(rules).filter((endpoint) => decide(role, endpoint) === 'allow');

/** What is missing, for who was denied. */
export function needed(endpoint: string): string {
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
