import { signal } from '@preact/signals';

/** What is read out to those who do not see it, and shown for a moment to those who do. */
export const announcement = signal('');

export const announce = (text: string): void => {
  announcement.value = text;
};
