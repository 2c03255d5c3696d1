import { expect, test } from 'vitest';
import { parseGroupRoles, roleOfGroups } from './oidc-role.js';

const roles = parseGroupRoles('staff=viewer; CN=ops,DC=example=operator;root=admin');

test.each([
  [['staff'], 'viewer'],
  [['CN=ops,DC=example', 'staff'], 'operator'],
  [['staff', 'root', 'CN=ops,DC=example'], 'admin'],
  ['root', 'admin'],
  [['others'], undefined],
  [[], undefined],
  [undefined, undefined],
  [{ root: true }, undefined],
  [[['root'], 1, null], undefined],
  [['toString', '__proto__', 'ROOT', 'root '], undefined],
])('groups %j give %s', (groups, role) => {
  expect(roleOfGroups(groups, roles)).toBe(role);
});

test.each(['', 'staff', '=viewer', 'staff=', 'staff=root', 'staff=viewer;', 'staff=Viewer'])('refuses %j', (text) => {
  expect(() => parseGroupRoles(text)).toThrow(/is not GROUP=ROLE/);
});
