import { expect, it } from 'vitest';
import { changedBy } from './changed-lists.js';

it.each([
  ['authority.retire', ['certificates']],
  ['device-authority.remove', ['certificates']],
  ['relay.enrol', ['relays', 'tokens', 'certificates']],
  ['admin.sign-in', []],
])('%s changes %j', (action, lists) => {
  expect(changedBy({ action })).toEqual(lists);
});
