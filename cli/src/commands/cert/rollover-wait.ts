import { setTimeout as sleep } from 'node:timers/promises';
import { type AuthorityView, NetportError, rolloverProgress } from '@netport/protocol';
import type { Authority } from './authority.js';
import { doneText, progressText } from './rollover-text.js';

/** How often it is asked who is there. */
const pollInterval = 1000;

interface WaitOptions {
  say: (line: string) => void;
  now: () => number;
  /** When to give up. */
  deadline: number;
  signal: AbortSignal;
}

/** How it ended, and what the control server showed last. */
export interface Waited {
  ended: 'done' | 'late' | 'stopped';
  view: AuthorityView;
}

/** Takes every step of a rollover as soon as everybody is there for it, until one root is left. */
export async function completeRollover(
  authority: Authority,
  { say, now, deadline, signal }: WaitOptions,
): Promise<Waited> {
  let view = await authority.show();
  let wanted = upcomingRoot(view);
  let last = '';
  for (;;) {
    if (wanted !== undefined && view.phase === 'stable') {
      if (view.roots.some(({ fingerprint }) => fingerprint === wanted)) return { ended: 'done', view };
      throw new NetportError('conflict', 'somebody took the new root back meanwhile');
    }
    if (signal.aborted) return { ended: 'stopped', view };
    if (isAwaitingNobody(view)) {
      if (last !== '') say(progressText(view));
      last = '';
      view = await take(view);
      wanted ??= upcomingRoot(view);
      continue;
    }
    const line = progressText(view);
    if (line !== last) say(line);
    last = line;
    if (now() >= deadline) return { ended: 'late', view };
    // Aborted is not a failure: the next turn says so.
    await sleep(pollInterval, undefined, { signal }).catch(() => {});
    view = await authority.show();
  }

  /** The step's outcome, or, where somebody came or went between the look and the step, what is there now. */
  async function take(shown: AuthorityView): Promise<AuthorityView> {
    try {
      const answer = await authority.step(shown.next);
      say(doneText(shown.next, answer));
      return answer;
    } catch (error) {
      if (!(error instanceof NetportError) || error.code !== 'conflict') throw error;
      const now = await authority.show();
      if (now.phase === shown.phase && isAwaitingNobody(now)) throw error;
      return now;
    }
  }
}

const isAwaitingNobody = (view: AuthorityView): boolean => rolloverProgress(view).waiting.length === 0;

/** The fingerprint of the root that is to be left in the end; none while nothing is being replaced. */
const upcomingRoot = ({ phase, roots }: AuthorityView): string | undefined =>
  phase === 'stable'
    ? undefined
    : roots.find(({ state }) => state === (phase === 'published' ? 'next' : 'current'))?.fingerprint;
