import { useRef, useState } from 'preact/hooks';
import { Field } from './field.js';

interface TextOrFileProps {
  label: string;
  name: string;
  hint: string;
  error?: string | undefined;
  placeholder?: string;
  /** Which files are offered, as `accept` has it. */
  accept: string;
  /** More than that is read of no file: the server says that it is too much. */
  maxBytes: number;
  value: string;
  onValue: (value: string) => void;
}

/** A text of many lines, pasted or out of a file. */
export function TextOrFile({ accept, maxBytes, placeholder, value, onValue, error, ...field }: TextOrFileProps) {
  const input = useRef<HTMLInputElement>(null);
  const [unread, setUnread] = useState<string>();
  const take = (text: string): void => {
    setUnread(undefined);
    onValue(text);
  };
  const read = async (element: HTMLInputElement): Promise<void> => {
    const file = element.files?.[0];
    if (!file) return;
    try {
      take(await file.slice(0, maxBytes + 1).text());
    } catch {
      setUnread(`${file.name} cannot be read.`);
    } finally {
      // So that the same file, mended, is a choice again.
      element.value = '';
    }
  };
  return (
    <Field {...field} error={unread ?? error}>
      {(tie) => (
        <>
          <textarea
            {...tie}
            rows={6}
            placeholder={placeholder}
            autocomplete="off"
            spellcheck={false}
            value={value}
            onInput={({ currentTarget }) => take(currentTarget.value)}
          />
          <div>
            <button type="button" class="button" onClick={() => input.current?.click()}>
              Choose a file
            </button>
          </div>
          <input
            ref={input}
            type="file"
            hidden
            accept={accept}
            onChange={({ currentTarget }) => void read(currentTarget)}
          />
        </>
      )}
    </Field>
  );
}
