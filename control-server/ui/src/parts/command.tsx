import { useRef } from 'preact/hooks';
import { announce } from '../state/announcement.js';

/** A command to copy. */
export function Command({ text, label }: { text: string; label: string }) {
  const code = useRef<HTMLElement>(null);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      announce('Copied.');
    } catch {
      // Without leave to write to the clipboard: one key is left for the person.
      if (code.current) getSelection()?.selectAllChildren(code.current);
      announce('Selected: press Ctrl+C.');
    }
  };
  return (
    <section class="command" aria-label={label}>
      <code ref={code}>{text}</code>
      <button type="button" class="button" onClick={() => void copy()}>
        Copy
      </button>
    </section>
  );
}
