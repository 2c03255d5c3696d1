import { z } from 'zod';

/** What a value must be, by the names that zod has for types. */
const nouns: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** What a length counts, by the type of what is too long or too short; a number counts itself. */
const units: Readonly<Record<string, string>> = { string: ' characters', array: ' entries', record: ' entries' };

/**
 * What is wrong with a field, for people: it stands beside the field on the page and behind its path everywhere else.
 * Undefined where the schema or zod says it well enough.
 */
export const issueText: z.core.$ZodErrorMap = (issue) => {
  if (issue.input === undefined && issue.code !== 'custom') return 'required';
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${nouns[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `use ${issue.values.map(String).join(' or ')}`;
    case 'too_small':
      if (issue.origin === 'string' && issue.minimum === 1) return 'must not be empty';
      return `at least ${issue.minimum}${units[issue.origin] ?? ''}`;
    case 'too_big':
      return `at most ${issue.maximum}${units[issue.origin] ?? ''}`;
    case 'invalid_key':
      return issue.issues[0]?.message;
    default:
      return undefined;
  }
};

// For every schema of every part, so that no parse can forget it.
z.config({ customError: issueText });
