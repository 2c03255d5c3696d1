import type { AuthorityView } from '@netport/protocol';
import { expect, it } from 'vitest';
import { currentStage, stages } from './rollover.js';

const waitingFor = [{ kind: 'portal', name: 'laptop' }] as AuthorityView['waitingFor'];

it.each<[AuthorityView['phase'], AuthorityView['waitingFor'], string | undefined]>([
  ['stable', [], undefined],
  ['published', waitingFor, 'Both trusted'],
  ['published', [], 'Re-issue'],
  ['reissuing', waitingFor, 'Re-issue'],
  ['reissuing', [], 'Retire'],
])('%s, %j: the stage is %s', (phase, waiting, stage) => {
  const current = currentStage({ phase, waitingFor: waiting });
  expect(current === undefined ? undefined : stages[current]).toBe(stage);
});
