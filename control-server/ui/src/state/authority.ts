import { type AuthorityView, endpoints } from '@netport/protocol';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { call } from '../api/client.js';
import { onChanged } from './live.js';
import { showAnswer } from './show-answer.js';

interface AuthorityState {
  view: AuthorityView | undefined;
  error: string | undefined;
  reload: () => void;
}

/** Who trusts which root changes in many places at once, and no event tells of each. */
const pollInterval = 2000;

/** The root CAs, read again when certificates change, and all the time while one root replaces another. */
export function useAuthority(): AuthorityState {
  const [view, setView] = useState<AuthorityView>();
  const [error, setError] = useState<string>();
  const asking = useRef<AbortController>(undefined);
  const load = useCallback((): Promise<void> => {
    // An answer that is overtaken by a later question must not be shown after that one's.
    asking.current?.abort();
    const controller = new AbortController();
    asking.current = controller;
    const { signal } = controller;
    return showAnswer(call(endpoints.authority.show, { signal }), setView, setError, signal);
  }, []);
  useEffect(() => {
    void load();
    return () => asking.current?.abort();
  }, [load]);
  const underWay = view !== undefined && view.phase !== 'stable';
  useEffect(() => {
    if (!underWay) return onChanged((what) => what === 'certificates' && void load());
    let timer: ReturnType<typeof setTimeout>;
    let left = false;
    // One after the other: the answers of a large overlay may take longer than the interval.
    const poll = async (): Promise<void> => {
      await load();
      if (!left) timer = setTimeout(poll, pollInterval);
    };
    timer = setTimeout(poll, pollInterval);
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [underWay, load]);
  return { view, error, reload: () => void load() };
}
