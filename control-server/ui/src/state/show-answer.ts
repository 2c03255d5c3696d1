import { inWords } from '../api/client.js';
import { noticeSignedOut } from './session.js';

/** Shows what is answered, or in words why it is not; nothing of what nobody waits for any more. Never rejects. */
export const showAnswer = <Answer>(
  asking: Promise<Answer>,
  show: (answer: Answer) => void,
  setError: (error: string | undefined) => void,
  signal?: AbortSignal,
): Promise<void> =>
  asking
    .then((answer) => {
      show(answer);
      setError(undefined);
    })
    .catch((thrown) => {
      if (signal?.aborted) return;
      setError(inWords(thrown));
      noticeSignedOut(thrown);
    })
    .catch(() => {});
