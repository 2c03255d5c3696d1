import { expect, it } from 'vitest';
import { type AuthorityView, authoritySchema } from './api-authority.js';
import { rolloverProgress, trustText } from './rollover.js';

const member = (kind: string, name: string, state: string) => ({ kind, name, state, online: true, lastSeenAt: null });
const view: AuthorityView = authoritySchema.parse({
  phase: 'published',
  since: '2030-01-31T12:00:00Z',
  roots: [],
  members: [
    member('portal', 'hub', 'both'),
    member('portal', 'new', 'none'),
    member('relay', 'hub', 'old'),
    member('relay', 'other', 'both'),
  ],
  next: 'reissue',
  waitingFor: [{ kind: 'relay', name: 'hub' }],
});

it('tells a portal from the relay of its name, and counts nobody without a certificate', () => {
  const { total, there, waiting } = rolloverProgress(view);
  expect({ total, there }).toEqual({ total: 3, there: 2 });
  expect(waiting).toEqual([view.members[2]]);
});

it('without a rollover nobody is waited for, and who was left behind does not count', () => {
  expect(rolloverProgress({ ...view, phase: 'stable', waitingFor: [] })).toEqual({ total: 3, there: 2, waiting: [] });
});

it('there is no new root while none is replaced', () => {
  expect(trustText('new', 'reissuing')).toBe('certificate from the new root');
  expect(trustText('new', 'stable')).toBe('certificate from the root');
  expect(trustText('old', 'stable')).toBe('cut off: needs a new join token');
});
