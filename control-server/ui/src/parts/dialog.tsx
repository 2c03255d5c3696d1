import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { inWords } from '../api/client.js';
import { noticeSignedOut } from '../state/session.js';
import { TextField } from './field.js';
import { Note } from './note.js';

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** The browser's own modal dialog: it keeps the focus, closes on Esc, and gives the focus back. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    // Removed from the document, a dialog gives the focus back to nobody.
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={ref} aria-labelledby={id} onCancel={onClose}>
      <div class="dialog-body">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  action: string;
  /** What happens, in a sentence. */
  children: ComponentChildren;
  /** A word to type first, where a click is too little. */
  typed?: string;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}

/** A question before something that cannot be undone. */
export function Confirm({ title, action, children, typed, onConfirm, onClose }: ConfirmProps) {
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [word, setWord] = useState('');
  const confirm = async (): Promise<void> => {
    setBusy(true);
    try {
      await onConfirm();
      onClose();
    } catch (thrown) {
      setError(inWords(thrown));
      setBusy(false);
      noticeSignedOut(thrown);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div>{children}</div>
      {typed !== undefined && (
        <TextField label={`Type “${typed}” to go on`} name="confirmation" value={word} onValue={setWord} />
      )}
      {error && <Note tone="bad">{error}</Note>}
      <div class="dialog-foot">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class="button danger"
          disabled={busy || (typed !== undefined && word.trim() !== typed)}
          onClick={() => void confirm().catch(() => {})}
        >
          {action}
        </button>
      </div>
    </Dialog>
  );
}
