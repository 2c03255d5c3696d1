import { type Role, roles } from '@netport/protocol';
import { expect, test } from 'vitest';
import { allEndpoints, auditExportName } from '../api/endpoint-names.js';
import { beyondGiver, beyondOwner, decide, endpointsWith, needed, ruledEndpoints, ruleOf } from './roles.js';

const all = (role: Role) => ({ role, scopes: null });

test('every endpoint has a rule, which agrees with what is said of it', () => {
  const rules = [...allEndpoints, { name: auditExportName, endpoint: { access: undefined } }].map(
    ({ name, endpoint }) => ({ name, rule: ruleOf(name), access: endpoint.access }),
  );
  expect(rules.filter(({ rule }) => rule === undefined)).toEqual([]);
  expect(rules.filter(({ rule, access }) => (rule === 'anyone') !== (access === 'anyone'))).toEqual([]);
});

test('what has no rule is denied to everybody', () => {
  for (const name of ['', 'pair', 'pair.steal', 'toString', '__proto__']) {
    expect(roles.map((role) => decide(all(role), name))).toEqual(['deny', 'deny', 'deny']);
    expect(needed(all('admin'), name)).toBe('no role may do this');
  }
});

test('a role may all that the role before it may', () => {
  const [viewer, operator, admin] = roles.map((role) => endpointsWith('allow', all(role)));
  expect(operator).toEqual(expect.arrayContaining(viewer ?? []));
  expect(admin).toEqual(expect.arrayContaining(operator ?? []));
});

test('an owner changes all but where the pair leads', () => {
  const fields = ['protocol', 'from', 'to', 'transport', 'enabled', 'owner', 'reason', 'expiresAt', 'schedule'];
  expect(beyondOwner('viewer', fields)).toEqual(['protocol', 'from', 'to']);
  expect(beyondOwner('operator', fields)).toEqual([]);
});

test('scopes take from a role, and never add to it', () => {
  for (const role of roles) {
    const scoped = { role, scopes: ['pair.*', '*.list', 'apiToken.*', 'pair.*:own'] };
    expect(beyondGiver(all(role), scoped)).toEqual([]);
    expect(beyondGiver(scoped, all(role))).toContain('audit.export');
  }
  expect(endpointsWith('own', { role: 'admin', scopes: ['pair.*:own'] })).toEqual([
    ...['pair.show', 'pair.change', 'pair.remove'],
  ]);
  expect(endpointsWith('own', { role: 'viewer', scopes: ['pair.change'] })).toEqual(['pair.change']);
});

test('what may be for own access pairs only is what is about one access pair', () => {
  const about = allEndpoints.filter(({ endpoint }) => endpoint.path.startsWith('/pairs/:name')).map(({ name }) => name);
  expect(ruledEndpoints.filter((name) => decide({ role: 'admin', scopes: [`${name}:own`] }, name) === 'own')).toEqual(
    about,
  );
});
