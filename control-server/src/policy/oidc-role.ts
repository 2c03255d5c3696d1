import { NetportError, type Role, roleSchema } from '@netport/protocol';
import { atLeast } from './roles.js';

/** Which role a group of the provider gives. */
export type GroupRoles = ReadonlyMap<string, Role>;

/** `GROUP=ROLE`, several separated by `;`: a group may have an `=` in its name. Throws `invalid_request`. */
export function parseGroupRoles(text: string): GroupRoles {
  const entries = text.split(';').map((entry): [string, Role] => {
    const [, group = '', role] = /^(.*)=([a-z]+)$/.exec(entry.trim()) ?? [];
    const known = roleSchema.safeParse(role);
    if (group !== '' && known.success) return [group, known.data];
    throw new NetportError(
      'invalid_request',
      `"${entry}" is not GROUP=ROLE, with viewer, operator or admin as the role`,
    );
  });
  return new Map(entries);
}

/** The highest role that the groups give; a provider may send one group as a text. Undefined where they give none. */
export function roleOfGroups(claim: unknown, roles: GroupRoles): Role | undefined {
  let highest: Role | undefined;
  for (const group of Array.isArray(claim) ? claim : [claim]) {
    const role = typeof group === 'string' ? roles.get(group) : undefined;
    if (role && (!highest || atLeast(role, highest))) highest = role;
  }
  return highest;
}
