import type { AnswerOf, ApiEndpoint, LiveList } from '@netport/protocol';
import { useSignalEffect } from '@preact/signals';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { call } from '../api/client.js';
import { onChanged, overview } from './live.js';
import { showAnswer } from './show-answer.js';

interface One<Value> {
  value: Value | undefined;
  error: string | undefined;
  reload: () => void;
}

/** One thing by its name, read again when its list changed, or when members come and go. */
export function useOne<E extends ApiEndpoint>(endpoint: E, name: string, on: LiveList): One<AnswerOf<E>> {
  const [value, setValue] = useState<AnswerOf<E>>();
  const [error, setError] = useState<string>();
  const load = useCallback(() => {
    const asking = call(endpoint, { params: { name } } as unknown as Parameters<typeof call<E>>[1]);
    void showAnswer(asking, setValue, setError);
  }, [endpoint, name]);
  useEffect(() => onChanged((what) => what === on && load()), [on, load]);
  const seen = useRef<unknown>(Symbol('nothing yet'));
  useSignalEffect(() => {
    if (seen.current === overview.value) return;
    seen.current = overview.value;
    load();
  });
  return { value, error, reload: load };
}
