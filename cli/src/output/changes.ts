import {
  type DocumentChange,
  formatEndpoint,
  formatSchedule,
  type GroupDocument,
  type PairDocument,
  type PolicyAnswer,
  type TestsDocument,
} from '@netport/protocol';
import { printable } from './table.js';

const marks = { create: '+', update: '~', delete: '-', unchanged: ' ' } as const;
const verbs = { create: 'to create', update: 'to change', delete: 'to delete', unchanged: 'unchanged' } as const;

/** What an apply changes, a line for each document and for each field of one that stays; then the tests. */
export function changesText({ changes, tests }: PolicyAnswer): string {
  const lines = changes.filter(({ action }) => action !== 'unchanged').flatMap(changeLines);
  const failed = tests.filter(({ passed }) => !passed);
  return [
    ...lines,
    ...failed.map(({ test, why }) => `FAILED ${test}: ${why}`),
    summary(changes),
    ...(tests.length > 0 ? [`Tests: ${tests.length - failed.length} of ${tests.length} pass.`] : []),
  ]
    .map(printable)
    .join('\n');
}

/** `3 to create, 1 to delete, 7 unchanged.` */
function summary(changes: readonly DocumentChange[]): string {
  const counts = (Object.keys(verbs) as DocumentChange['action'][])
    .map((action) => ({ action, count: changes.filter((change) => change.action === action).length }))
    .filter(({ count }) => count > 0)
    .map(({ action, count }) => `${count} ${verbs[action]}`);
  return counts.length === 0 ? 'No documents.' : `${counts.join(', ')}.`;
}

function changeLines({ action, kind, name, fields = [] }: DocumentChange): string[] {
  const title = `${marks[action]} ${kind} ${name}`;
  if (action === 'update') {
    return [title, ...fields.map(({ path, before, after }) => `    ${path}: ${shown(before)} → ${shown(after)}`)];
  }
  const [whole] = fields;
  return [`${title}  ${essence(kind, action === 'create' ? whole?.after : whole?.before)}`.trimEnd()];
}

const shown = (value: unknown): string => (typeof value === 'string' && value !== '' ? value : JSON.stringify(value));

/** The server's answer has passed the schema of documents only as a whole, so a part of it is taken as it should be. */
function essence(kind: DocumentChange['kind'], value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  if (kind === 'AccessPair') return pairText(value as PairDocument['spec']);
  if (kind === 'PolicyTests') return (value as TestsDocument['spec']).tests.join('; ');
  if (kind === 'Group') {
    const { portals, label } = value as GroupDocument['spec'];
    return [...portals, ...(label === undefined ? [] : [`label ${label}`])].join(', ');
  }
  return Object.entries(value)
    .map(([key, text]) => `${key}=${text}`)
    .join(', ');
}

function pairText({ protocol, from, to, schedule, expiresAt }: PairDocument['spec']): string {
  const { portals } = from;
  const who = from.portal ?? (portals?.group === undefined ? `[${portals?.label}]` : `[group ${portals.group}]`);
  const endpoint = ({ address, port }: { address: string; port?: string | number | undefined }) =>
    typeof port === 'string' ? `${address}:${port}` : formatEndpoint({ address, port });
  return [
    `${protocol} ${who}:${endpoint(from)} → ${to.portal}:${endpoint(to)}`,
    ...(schedule ? [formatSchedule(schedule)] : []),
    ...(expiresAt ? [`until ${expiresAt}`] : []),
  ].join(', ');
}
