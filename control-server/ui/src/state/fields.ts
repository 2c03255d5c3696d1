import { useState } from 'preact/hooks';
import type { fieldErrors } from '../api/client.js';

/** The texts of a form's fields, and what is wrong with each until it is changed. `empty` names them. */
export function useFields<Values extends Record<string, string>>(empty: Values) {
  const [values, setValues] = useState(empty);
  const [errors, setErrors] = useState<ReturnType<typeof fieldErrors>>({});
  const field = (of: keyof Values & string) => ({
    name: of,
    value: values[of] ?? '',
    error: errors[of],
    onValue: (value: string) => {
      setValues((before) => ({ ...before, [of]: value }));
      setErrors((before) => ({ ...before, [of]: undefined }));
    },
  });
  return { values, errors, setErrors, field };
}
