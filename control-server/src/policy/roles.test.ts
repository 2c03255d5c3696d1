import { roles } from '@netport/protocol';
import { expect, test } from 'vitest';
import { allEndpoints, auditExportName } from '../api/endpoint-names.js';
import { allowed, beyondOwner, decide, needed, ruleOf } from './roles.js';

test('every endpoint has a rule, which agrees with what is said of it', () => {
  const rules = [...allEndpoints, { name: auditExportName, endpoint: { access: undefined } }].map(
    ({ name, endpoint }) => ({ name, rule: ruleOf(name), access: endpoint.access }),
  );
  expect(rules.filter(({ rule }) => rule === undefined)).toEqual([]);
  expect(rules.filter(({ rule, access }) => (rule === 'anyone') !== (access === 'anyone'))).toEqual([]);
});

test('what has no rule is denied to everybody', () => {
  for (const name of ['', 'pair', 'pair.steal', 'toString', '__proto__']) {
    expect(roles.map((role) => decide(role, name))).toEqual(['deny', 'deny', 'deny']);
    expect(needed(name)).toBe('no role may do this');
  }
});

test('a role may all that the role before it may', () => {
  const [viewer, operator, admin] = roles.map(allowed);
  expect(operator).toEqual(expect.arrayContaining(viewer ?? []));
  expect(admin).toEqual(expect.arrayContaining(operator ?? []));
});

test('an owner changes all but where the pair leads', () => {
  const fields = ['protocol', 'from', 'to', 'transport', 'enabled', 'owner', 'reason', 'expiresAt', 'schedule'];
  expect(beyondOwner('viewer', fields)).toEqual(['protocol', 'from', 'to']);
  expect(beyondOwner('operator', fields)).toEqual([]);
});
