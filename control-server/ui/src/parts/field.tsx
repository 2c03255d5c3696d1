import type { ComponentChildren, JSX } from 'preact';
import { useId } from 'preact/hooks';

interface FieldProps {
  label: string;
  /** What ties the error to its input, and names the input in tests and forms. */
  name: string;
  hint?: ComponentChildren;
  error?: string | undefined;
  /** Gets what the input needs to be tied to its label, hint and error. */
  children: (tie: Tie) => ComponentChildren;
}

export interface Tie {
  id: string;
  name: string;
  class: string;
  'aria-invalid': boolean;
  'aria-describedby': string | undefined;
}

/** A label, an input, a hint, and what is wrong with it: beside it, and told to screen readers. */
export function Field({ label, name, hint, error, children }: FieldProps) {
  const id = useId();
  const about = error ? `${id}-error` : hint ? `${id}-hint` : undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, name, class: 'input', 'aria-invalid': error !== undefined, 'aria-describedby': about })}
      {error && (
        <span class="error" id={`${id}-error`} role="alert">
          {error}
        </span>
      )}
      {hint && !error && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
    </div>
  );
}

interface InputProps extends Omit<FieldProps, 'children'> {
  value: string;
  onValue: (value: string) => void;
  type?: 'text' | 'password' | 'datetime-local';
  placeholder?: string;
  required?: boolean;
  autocomplete?: 'off' | 'username' | 'current-password' | 'new-password';
  list?: string;
  inputMode?: 'numeric';
}

export function TextField({ value, onValue, label, name, hint, error, ...input }: InputProps) {
  return (
    <Field label={label} name={name} hint={hint} error={error}>
      {(tie) => {
        const { type = 'text', autocomplete = 'off', ...rest } = input;
        const attributes = { ...tie, ...rest, type, autocomplete, value } as JSX.IntrinsicElements['input'];
        return (
          <input {...attributes} spellcheck={false} onInput={({ currentTarget }) => onValue(currentTarget.value)} />
        );
      }}
    </Field>
  );
}

interface ChoiceProps<Value extends string> extends Omit<FieldProps, 'children'> {
  value: Value;
  onValue: (value: Value) => void;
  options: readonly { value: Value; text: string }[];
}

export function ChoiceField<Value extends string>({ value, onValue, options, ...field }: ChoiceProps<Value>) {
  return (
    <Field {...field}>
      {(tie) => (
        <select {...tie} value={value} onChange={({ currentTarget }) => onValue(currentTarget.value as Value)}>
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** Filters a list while one types. */
export const SearchField = ({
  label,
  value,
  onValue,
}: {
  label: string;
  value: string;
  onValue: (value: string) => void;
}) => (
  <input
    type="search"
    class="input search"
    aria-label={label}
    placeholder={label}
    value={value}
    onInput={({ currentTarget }) => onValue(currentTarget.value)}
  />
);
