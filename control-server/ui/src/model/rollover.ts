import type { AuthorityView, RolloverStep } from '@netport/protocol';

/** A rollover as people see it: what is done one after the other. */
export const stages = ['Publish', 'Both trusted', 'Re-issue', 'Retire'] as const;

/** The stage that is to be done now, as an index into `stages`; none while no root is being replaced. */
export function currentStage({ phase, waitingFor }: Pick<AuthorityView, 'phase' | 'waitingFor'>): number | undefined {
  if (phase === 'stable') return undefined;
  return (phase === 'published' ? 1 : 2) + (waitingFor.length === 0 ? 1 : 0);
}

export interface StepWords {
  /** What the button says. */
  action: string;
  /** What it does. */
  effect: string;
  /** What it does to those who are not there yet. */
  cost?: string;
  /** What is said when it is done. */
  done: string;
}

export const stepWords: Readonly<Record<RolloverStep, StepWords>> = {
  publish: {
    action: 'Publish a new root',
    effect:
      'A new root CA is made, and every portal and relay is told to trust it beside the present one. Nothing is issued under it ' +
      'yet, nothing is interrupted, and it can be taken back.',
    done: 'The new root is published.',
  },
  reissue: {
    action: 'Re-issue certificates',
    effect:
      'Certificates come from the new root from now on, also the control server’s own, and every portal and relay renews at once. ' +
      'Connections go on. Browsers, curl and command lines that know the old root.pem only need the new one before. ' +
      'This cannot be taken back.',
    cost: 'They do not trust the new root: until they come back, they cannot talk to those with new certificates.',
    done: 'Certificates come from the new root.',
  },
  retire: {
    action: 'Retire the old root',
    effect: 'The old root counts no more, and its keys are deleted. This cannot be taken back.',
    cost: 'They are cut off, each until it joins again with a new join token.',
    done: 'The old root is retired.',
  },
  cancel: {
    action: 'Take the new root back',
    effect: 'The new root is forgotten, here and by every portal and relay. Nothing was issued under it.',
    done: 'The new root is taken back.',
  },
};
