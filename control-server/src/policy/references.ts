import type { Document } from '@netport/protocol';
import type { StoredDocument } from '../store/store.js';
import type { Selectable } from './expand.js';
import type { Issue } from './issues.js';
import { isGrant } from './policy-state.js';

/** Pure: names in documents that nothing bears, and groups that are withdrawn while others need them. */
export function referenceIssues(
  wanted: readonly Document[],
  kept: readonly StoredDocument[],
  { portals, groups }: Selectable,
): Issue[] {
  const portalNames = new Set<string>(portals.map(({ name }) => name));
  const groupNames = new Set<string>(groups.map(({ metadata }) => metadata.name));
  const unknownPortal = (name: string | undefined, path: Issue['path']): Issue[] =>
    name === undefined || portalNames.has(name)
      ? []
      : [
          {
            path,
            message: `no portal is named ${name}: add it with netport portal add ${name}, or as a Portal document`,
          },
        ];
  const unknownGroup = (name: string | undefined, path: Issue['path']): Issue[] =>
    name === undefined || groupNames.has(name)
      ? []
      : [{ path, message: `no group is named ${name}: add it as a Group document` }];

  const issues = wanted.flatMap((document, at): Issue[] => {
    const place = ['documents', at, 'spec'];
    if (document.kind === 'Group') {
      return document.spec.portals.flatMap((name, index) => unknownPortal(name, [...place, 'portals', index]));
    }
    if (document.kind !== 'AccessPair') return [];
    const { from, to } = document.spec;
    const same = from.portal === to.portal;
    return [
      ...unknownPortal(from.portal, [...place, 'from', 'portal']),
      ...unknownGroup(from.portals?.group, [...place, 'from', 'portals', 'group']),
      ...unknownPortal(to.portal, [...place, 'to', 'portal']),
      ...(same
        ? [{ path: [...place, 'to', 'portal'], message: `${to.portal} is from.portal, too: a pair joins two portals` }]
        : []),
    ];
  });
  const orphans = kept.filter(isGrant).flatMap(({ metadata, spec }): Issue[] => {
    const group = spec.from.portals?.group;
    if (group === undefined || groupNames.has(group)) return [];
    return [{ path: [], message: `Group ${group} cannot be withdrawn: AccessPair ${metadata.name} needs it` }];
  });
  return [...issues, ...orphans];
}
