import {
  type AuthorityView,
  limits,
  type MemberTrust,
  type RolloverStep,
  type RootView,
  rolloverProgress,
  trustText,
} from '@netport/protocol';
import { absoluteTime, relativeTime } from '../../output/human.js';
import { type Column, card, printable, table } from '../../output/table.js';

/** So many are named in a line; `--status` names all. */
const namedMax = 5;

const command = 'netport cert rotate-ca';

const newRoot = ({ roots }: AuthorityView): RootView | undefined =>
  roots.find(({ linkPem, state }) => state === 'next' || linkPem !== undefined);

/** What a step did. */
export function doneText(step: RolloverStep, view: AuthorityView): string {
  const root = newRoot(view);
  const which = root ? ` (${root.fingerprint}, until ${absoluteTime(root.notAfter)})` : '';
  const texts: Readonly<Record<RolloverStep, string>> = {
    publish: `Made and published a new root CA${which}. Every portal and relay is told, and then trusts both roots.`,
    reissue:
      'Certificates come from the new root now, also the control server’s. Every portal and relay renews its own at once.',
    retire: `Retired the old root CA: only the new one counts.${cutOffText(view)}`,
    cancel: 'Took the new root CA back: nothing was issued under it.',
  };
  return texts[step];
}

function cutOffText({ phase, members }: AuthorityView): string {
  const names = members.filter(({ state }) => phase === 'stable' && state === 'old').map(nameText);
  return names.length === 0
    ? ''
    : `\nCut off until they join with a new token (netport portal|relay token NAME): ${listText(names)}.`;
}

const nameText = ({ kind, name }: MemberTrust): string => (kind === 'relay' ? `relay ${name}` : name);

const listText = (texts: readonly string[]): string =>
  `${texts.slice(0, namedMax).join(', ')}${texts.length > namedMax ? ` and ${texts.length - namedMax} more` : ''}`;

const stepTexts: Readonly<Record<RolloverStep, string>> = {
  publish: 'makes a new root CA and tells everybody',
  reissue: 'has certificates issued from the new root',
  retire: 'retires the old root',
  cancel: 'takes the new root back',
};

/** What comes next, and on what it waits. */
export const nextText = (view: AuthorityView): string =>
  [
    ...(view.next === 'reissue'
      ? [
          'Now give the new root.pem to browsers, curl and other admins: from the next step on the old one is not enough.',
        ]
      : []),
    `Next: ${command} ${stepTexts[view.next]}. ${countText(view)}.`,
  ].join('\n');

/** `12 of 14 portals and relays trust both roots`. */
function countText(view: AuthorityView): string {
  const { total, there } = rolloverProgress(view);
  const who = `${there} of ${total} portals and relays`;
  if (view.phase === 'published') return `${who} trust both roots`;
  return `${who} have a certificate from the ${view.phase === 'reissuing' ? 'new ' : ''}root`;
}

/** One line: how many are there, and who is not. */
export function progressText(view: AuthorityView): string {
  const { waiting } = rolloverProgress(view);
  if (waiting.length === 0) return `${countText(view)}.`;
  const named = waiting.map((member) => `${nameText(member)} (${presenceText(member)})`);
  return printable(`${countText(view)}; waiting for ${listText(named)}.`);
}

function presenceText({ online, lastSeenAt }: MemberTrust): string {
  if (online) return 'online';
  return lastSeenAt === null ? 'never seen' : `offline since ${absoluteTime(lastSeenAt)}`;
}

/** Why the next step is not taken, and what can be done. */
export function blockedText(view: AuthorityView, now: number): string {
  const { waiting } = rolloverProgress(view);
  const cost =
    view.next === 'retire'
      ? 'they are cut off then, each until it joins with a new token'
      : 'they cannot talk to those with new certificates until they come back';
  return [
    `Not yet: ${countText(view)}. Waiting for:`,
    '',
    table(waiting, memberColumns(view, now)),
    '',
    `Wait with ${command} --wait, remove what will not come back (netport portal|relay rm NAME),`,
    `or go on without them, ${command} --force: ${cost}.`,
  ].join('\n');
}

/** The whole of it: phase, roots, members. */
export function statusText(view: AuthorityView, now: number): string {
  const { phase, since, roots, members } = view;
  const expiring = roots.filter(({ notAfter }) => Date.parse(notAfter) - now < limits.rootExpiryWarning);
  return [
    card([
      ['phase', `${phase}, since ${absoluteTime(since)} (${relativeTime(since, now)})`],
      ['next', `${view.next}: ${command} ${stepTexts[view.next]}`],
      ['progress', countText(view)],
    ]),
    '',
    table(roots, rootColumns(now)),
    ...(phase === 'stable' && expiring.length > 0 ? [`The root expires soon: replace it with ${command} --wait.`] : []),
    '',
    members.length === 0 ? 'No portal or relay yet.' : table(members, memberColumns(view, now)),
  ].join('\n');
}

const rootColumns = (now: number): Column<RootView>[] => [
  { title: 'ROOT', value: ({ state }) => state },
  { title: 'VALID UNTIL', value: ({ notAfter }) => `${absoluteTime(notAfter)}, ${relativeTime(notAfter, now)}` },
  { title: 'SHA-256', value: ({ fingerprint }) => fingerprint },
];

const memberColumns = ({ phase }: AuthorityView, now: number): Column<MemberTrust>[] => [
  { title: 'KIND', value: ({ kind }) => kind },
  { title: 'NAME', value: ({ name }) => name },
  { title: 'STATE', value: ({ state }) => trustText(state, phase) },
  { title: 'ONLINE', value: ({ online }) => (online ? 'yes' : 'no') },
  { title: 'LAST SEEN', value: ({ lastSeenAt }) => (lastSeenAt === null ? 'never' : relativeTime(lastSeenAt, now)) },
];
